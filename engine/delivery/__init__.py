"""How a recorded run reaches a worker, and its answer whoever waits: RQ's queue and Redis."""

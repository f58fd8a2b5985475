"""A run's walk through its drawing: what may start, each call, what came of it."""

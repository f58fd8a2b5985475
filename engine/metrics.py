"""What Prometheus is told: counters and times of this process. What can be read from rows is not counted here.

Each process keeps its own; `engine.presence` carries them to whichever web process is asked for `/metrics`.
"""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

_SHORT_TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_LONG_TIMES = (0.001, 0.005, 0.025, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0)

RUNS_ENDED = Counter("weft_runs_ended", "Runs that this process saw to their end", ["status"], registry=REGISTRY)
STEP_SECONDS = Histogram(
    "weft_step_seconds",
    "From a step's start to its end, all of its items together",
    ["type", "status"],
    buckets=_LONG_TIMES,
    registry=REGISTRY,
)
# Looking a pair of labels up takes a lock and checks them, which costs more than the observation itself.
step_seconds = cache(STEP_SECONDS.labels)
RETRIES = Counter("weft_retries", "Calls that were tried again", ["type"], registry=REGISTRY)
COMMIT_OPERATIONS = Histogram(
    "weft_commit_operations",
    "Operations that one transaction of the writer made durable",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250),
    registry=REGISTRY,
)
COMMIT_SECONDS = Histogram(
    "weft_commit_seconds", "How long such a transaction took", buckets=_SHORT_TIMES, registry=REGISTRY
)
LEASES_LOST = Counter("weft_leases_lost", "Segments that this process held and lost", registry=REGISTRY)
SEGMENTS_HELD = Gauge("weft_segments_held", "Segments that this process advances now", registry=REGISTRY)
RATE_WAIT_SECONDS = Histogram(
    "weft_rate_wait_seconds",
    "How long calls waited for the rate limit of an account or a host",
    buckets=_LONG_TIMES,
    registry=REGISTRY,
)

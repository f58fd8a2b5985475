"""Segments that nobody advances any more: their lease ran out, or what was delivered was never taken.

Only the sweep takes a lease that ran out: a live one is never taken, not even by its owner.
"""

from __future__ import annotations

from engine.models.states import SEGMENT
from engine.store.driver import Driver, Operation
from engine.store.results import Delivery, Swept
from engine.store.statement import Statement

SWEEP_LIMIT = 500
EXPIRED = Statement(
    f"""UPDATE segment SET status = 'queued', queued_at = {{clock}}, delivered_at = NULL, owner = NULL,
        lease_until = NULL, priority = CASE WHEN priority > 1 THEN 1 ELSE priority END
    WHERE (run_id, number) IN (SELECT run_id, number FROM segment
        WHERE {SEGMENT.becoming("queued", "running")} AND lease_until < {{clock}} ORDER BY lease_until
        LIMIT :limit {{skip}})
    RETURNING run_id, number, epoch"""
)
# Its place in the backlog is the one that it had: `queued_at` stays.
FORGOTTEN = Statement(
    """UPDATE segment SET delivered_at = NULL
    WHERE (run_id, number) IN (SELECT run_id, number FROM segment
        WHERE status = 'queued' AND delivered_at IS NOT NULL AND delivered_at < {clock} - :patience
        ORDER BY delivered_at LIMIT :limit {skip})
    RETURNING run_id, number, epoch"""
)


def sweep(driver: Driver, patience: int) -> Operation:
    """Puts back into the backlog what lost its lease, and what was delivered more than `patience` ms ago in vain.

    Gives Swept. Needs no leader: each segment is found by one sweeper only.
    """
    expired = driver.send(EXPIRED, {"limit": SWEEP_LIMIT})
    forgotten = driver.send(FORGOTTEN, {"limit": SWEEP_LIMIT, "patience": patience})
    yield
    return Swept(tuple(Delivery(*row) for row in expired.rows()), tuple(Delivery(*row) for row in forgotten.rows()))

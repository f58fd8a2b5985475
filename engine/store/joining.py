"""What one segment's checkpoint means for the others of its run: shards that end, and all that rest together.

Whoever dealt shards out hears of their end by the run's `wake`, as of a wait that settles.
"""

from __future__ import annotations

from engine.store.cancelling import LOCK_SEGMENTS
from engine.store.changes import Changes
from engine.store.claim import Claim
from engine.store.driver import Driver, Operation
from engine.store.pausing import PAUSE_SEGMENTS
from engine.store.results import Told
from engine.store.settling import WAKE_RUN, WAKE_SEGMENTS, queued
from engine.store.shards import CLOSE_SHARDS, READ_SHARDS, others_open
from engine.store.statement import Statement

# Of a run that asks for a higher budget, whose other segments are still at it: they heed it as any wish to pause.
REST = Statement("UPDATE run SET wanted = 'pause', wanted_at = {clock} WHERE id = :run AND wanted IS NULL")


def lock(driver: Driver, held: Claim, changes: Changes) -> None:
    """Lock all segments of the run if the checkpoint means something for others than this one.

    It comes before the run's own row is touched: in the order in which everybody does, so that none wait in a circle.
    """
    if changes.done or changes.end_shards or asks(changes):
        driver.send(LOCK_SEGMENTS, {"run": held.run_id})


def asks(changes: Changes) -> bool:
    """Whether a person is to be asked for a higher budget."""
    return any(wait.kind == "budget" for wait in changes.waits)


def without_question(changes: Changes) -> Changes:
    """The same without asking for a higher budget."""
    return changes._replace(waits=[wait for wait in changes.waits if wait.kind != "budget"])


def rest_all(driver: Driver, held: Claim) -> None:
    """Have all segments of a run rest; those that nobody holds do so at once."""
    driver.send(REST, {"run": held.run_id})
    driver.send(PAUSE_SEGMENTS, {"run": held.run_id})


def close_others(driver: Driver, held: Claim) -> None:
    """End all other segments of a run that is over."""
    driver.send(CLOSE_SHARDS, {"run": held.run_id, "segment": held.segment})


def joined(driver: Driver, held: Claim, stuck: bool) -> Operation:
    """Wake the segment that dealt this shard out, once none of its node is left, or at once if it is `stuck`.

    Gives Told, or None if there is nothing to be told. The shard's own row says already that it is done.
    """
    standing = driver.send(READ_SHARDS, {"run": held.run_id})
    yield
    if not stuck and others_open(standing.rows(), held):
        return None
    woken = driver.send(WAKE_SEGMENTS, {"run": held.run_id, "deliver": True})
    driver.send(WAKE_RUN, {"run": held.run_id})
    yield
    deliveries, waits = queued(woken.rows())
    return Told(deliveries, held=waits)

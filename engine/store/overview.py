"""How much is under way and how much waits, counted from the rows: for metrics, the doctor and the System page."""

from __future__ import annotations

from dataclasses import dataclass

from engine.store.driver import Reader
from engine.store.statement import Statement

OVERDUE_MILLISECONDS = 60_000

WHOSE = "(CAST(:workspace AS TEXT) = '' OR workspace_id = :workspace)"
RUNS = Statement(
    f"""SELECT status, COUNT(*), MIN(created_at) FROM run
    WHERE status IN ('queued', 'running', 'waiting', 'paused') AND {WHOSE} GROUP BY status"""  # noqa: S608 - constants
)
SEGMENTS = Statement(
    f"""SELECT status, COUNT(*), MIN(queued_at), COALESCE(SUM(CASE WHEN lease_until < {{clock}} THEN 1 ELSE 0 END), 0)
    FROM segment WHERE status IN ('queued', 'running') AND {WHOSE} GROUP BY status"""  # noqa: S608 - constants
)
# A schedule that is set to wait for its own earlier run is not late while that is not over.
RESTS = """COALESCE(params ->> 'overlap', '') = 'queue' AND EXISTS (SELECT 1 FROM run
        WHERE run.trigger_id = "trigger".id AND run.status IN ('queued', 'running', 'waiting', 'paused'))"""
SCHEDULES = Statement(
    f"""SELECT COUNT(*),
        COALESCE(SUM(CASE WHEN next_due < {{clock}} - :overdue AND NOT ({RESTS}) THEN 1 ELSE 0 END), 0),
        MIN(next_due), COALESCE(SUM(CASE WHEN alarm IS NOT NULL THEN 1 ELSE 0 END), 0)
    FROM "trigger" WHERE enabled = :yes AND kind = 'schedule' AND {WHOSE}"""  # noqa: S608 - constants
)
CLOCK = Statement("SELECT {clock}")


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of what is not over. Ages are seconds by the database's clock, 0 where nothing waits.

    `leases_expired` are segments whose holder is gone and that nobody took yet; a schedule is overdue a minute after
    its time. `next_due`, and `clock` when it was counted, are milliseconds since 1970 UTC.
    """

    runs: dict[str, int]
    segments_queued: int
    queued_age: float
    segments_running: int
    leases_expired: int
    schedules: int
    schedules_overdue: int
    schedules_alarmed: int
    next_due: int | None
    clock: int


def overview(driver: Reader, workspace_id: str = "") -> Overview:
    """Reads the counts of one workspace, or of the whole installation."""
    key = {"workspace": workspace_id}
    clock = driver.send(CLOCK, {}).rows()[0][0]
    runs = {row[0]: row[1] for row in driver.send(RUNS, key).rows()}
    segments = {row[0]: row[1:] for row in driver.send(SEGMENTS, key).rows()}
    queued, since, _ = segments.get("queued", (0, None, 0))
    running, _, expired = segments.get("running", (0, None, 0))
    all_of_them, overdue, next_due, alarmed = driver.send(
        SCHEDULES, {**key, "yes": True, "overdue": OVERDUE_MILLISECONDS}
    ).rows()[0]
    return Overview(
        runs=runs,
        segments_queued=queued,
        queued_age=max(0.0, (clock - since) / 1000) if since is not None else 0.0,
        segments_running=running,
        leases_expired=expired,
        schedules=all_of_them,
        schedules_overdue=overdue,
        schedules_alarmed=alarmed,
        next_due=next_due,
        clock=clock,
    )

"""Budgets: over them a run pauses and asks; raised it goes on where it was, ended it is over."""

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from engine.models import Run, Spending, Wait, Workflow, Workspace, from_ms, new_id, now, to_ms
from engine.store import pausing, starting
from engine.store.results import Woken
from engine.store.spending import QUARTER, day_of
from engine.store.starting import NewRun
from tests.engine.bench import Bench


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def writes(log: Path) -> dict[str, Any]:
    return {
        "start": {"type": "trigger.manual", "with": {}},
        "write": {"type": "lab.write", "with": {"value": "{{ start }}", "path": str(log)}, "limit": 1},
        "then": {"type": "lab.total", "with": {"values": "{{ write }}"}},
    }


async def started(bench: Bench, nodes: dict[str, Any], payload: Any = None, **budget: float) -> str:
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": payload})
    with bench.database.transaction() as session:
        run = session.get(Run, run_id)
        assert run is not None
        run.budget = budget
    return run_id


async def question(bench: Bench, run_id: str) -> dict[str, Any]:
    (row,) = [row for row in (await bench.checkpoints.history(run_id)).waits if row["settled_at"] is None]
    assert row["kind"] == "budget"
    return row


async def test_a_run_pauses_when_its_steps_are_used_up_and_goes_on_when_raised(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_id = await started(bench, writes(log), list(range(20)), steps=5)
    assert await bench.advance(run_id) == "paused"
    assert bench.segment(run_id).status == "paused"
    assert len(lines(log)) == 5
    asked = await question(bench, run_id)
    assert asked["detail"]["title"] == "This run has used up its budget of 5 steps."
    resumed: Woken = await bench.writer.submit(partial(pausing.resume, run_id=run_id))
    assert not resumed.done, "only an answer lets it go on"
    for limit, status in ((12, "paused"), (100, "done")):
        asked = await question(bench, run_id)
        raised = partial(
            pausing.raise_budget,
            run_id=run_id,
            wait_id=asked["id"],
            outcome={"choice": "raise"},
            budget={"steps": limit},
        )
        assert (await bench.writer.submit(raised)).done
        assert not (await bench.writer.submit(raised)).done
        bench.executor = bench.another()
        assert await bench.advance(run_id) == status
        assert len(lines(log)) == min(limit, 20)
    assert (await bench.ran(run_id)).output("then") == 20
    assert bench.row(run_id).steps == 21


async def test_ending_over_the_budget_cancels(bench: Bench, tmp_path: Path) -> None:
    run_id = await started(bench, writes(tmp_path / "log"), list(range(20)), steps=3)
    assert await bench.advance(run_id) == "paused"
    asked = await question(bench, run_id)
    end = partial(pausing.end_budget, run_id=run_id, wait_id=asked["id"], outcome={"choice": "end"})
    assert (await bench.writer.submit(end)).done
    ran = await bench.ran(run_id)
    assert (ran.run.status, ran.statuses["write"]) == ("cancelled", "cancelled")


async def test_what_fits_the_budget_is_done(bench: Bench, tmp_path: Path) -> None:
    run_id = await started(bench, writes(tmp_path / "log"), [1, 2], steps=3)
    assert await bench.advance(run_id) == "done"
    run = bench.row(run_id)
    assert (run.steps, run.cost) == (3, 0)


async def test_work_counts_and_waiting_does_not(bench: Bench) -> None:
    nodes = {
        "doze": {"type": "lab.doze", "with": {"value": 1, "seconds": 1.3}},
        "work": {"type": "lab.sleep", "with": {"value": "{{ doze }}", "seconds": 0.6}},
        "then": {"type": "lab.sleep", "with": {"value": "{{ work }}"}},
    }
    run_id = await started(bench, nodes, seconds=0.5)
    with pytest.raises(TimeoutError):
        await bench.finish(run_id, 4)
    run = bench.row(run_id)
    assert (run.status, 500 <= run.worked < 1_900) == ("paused", True)
    ran = await bench.ran(run_id)
    assert (ran.statuses["work"], ran.statuses.get("then")) == ("done", None)
    assert (await question(bench, run_id))["detail"]["what"] == "seconds"


async def test_costs_are_summed_on_the_run_and_held_against_its_budget(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "pay": {"type": "lab.pay", "with": {"value": "{{ start }}", "dollars": 0.25}, "limit": 1},
    }
    run_id = await started(bench, nodes, list(range(8)), money=1)
    assert await bench.advance(run_id) == "paused"
    assert bench.row(run_id).cost == pytest.approx(1.0)
    assert (await question(bench, run_id))["detail"] == {
        "what": "money",
        "limit": 1,
        "spent": 1.0,
        "title": "This run has used up its budget of $1.",
    }


async def test_a_run_takes_its_workflows_limits_along_as_it_starts(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(writes(tmp_path / "log"))
    assert bench.row(run_id).budget == {}


def limit_day(bench: Bench, run_id: str, **limits: float) -> None:
    """Sets what the run's workflow, or its workspace, may spend a day."""
    run = bench.row(run_id)
    with bench.database.transaction() as session:
        for of, kind, key in (("workflow", Workflow, run.workflow_id), ("workspace", Workspace, run.workspace_id)):
            if of in limits:
                session.execute(update(kind).where(col(kind.id) == key).values(limits={"per_day_money": limits[of]}))


async def again(bench: Bench, run_id: str, payload: Any) -> str:
    """Another run of the same workflow."""
    run = bench.row(run_id)
    new = NewRun(
        id=new_id(),
        workspace_id=run.workspace_id,
        workflow_id=run.workflow_id,
        version_id=run.version_id,
        source="manual",
        input={"trigger": "start", "payload": payload, "inputs": {}},
    )
    started = await bench.writer.submit(partial(starting.start, new=new))
    return str(started.run_id)


PAYING: dict[str, Any] = {
    "start": {"type": "trigger.manual", "with": {}},
    "free": {"type": "lab.sleep", "with": {"value": "{{ start }}"}},
    "pay": {"type": "lab.pay", "with": {"value": "{{ start }}", "dollars": 0.25}, "limit": 1},
}


@pytest.mark.parametrize("of", ["workflow", "workspace"])
async def test_a_days_budget_holds_over_all_runs_and_only_who_wants_to_spend_pauses(bench: Bench, of: str) -> None:
    first = await bench.start(PAYING, input={"trigger": "start", "payload": [1, 2, 3]})
    limit_day(bench, first, **{of: 1})
    assert await bench.advance(first) == "done"
    second = await again(bench, first, [1, 2, 3])
    bench.executor = bench.another()
    assert await bench.advance(second) == "paused"
    assert bench.row(second).cost == pytest.approx(0.25)
    asked = await question(bench, second)
    assert asked["detail"]["title"].startswith("Today's budget of $1 for the ")
    assert (asked["detail"]["what"], asked["detail"]["of"], asked["detail"]["spent"]) == ("per_day_money", of, 1.0)
    assert 0 < asked["due"] - to_ms(now()) <= 24 * 3600 * 1000
    third = await again(bench, first, [1])
    assert await bench.advance(third) == "paused"
    assert bench.row(third).cost == 0
    assert (await bench.ran(third)).statuses.get("free") == "done"
    harmless = await again(bench, first, [])
    assert await bench.advance(harmless) == "done"


async def test_on_the_next_day_a_run_goes_on_by_itself(bench: Bench) -> None:
    run_id = await bench.start(PAYING, input={"trigger": "start", "payload": [1, 2]})
    limit_day(bench, run_id, workflow=0.25)
    assert await bench.advance(run_id) == "paused"
    asked = await question(bench, run_id)
    due = partial(pausing.settle_due, wait_id=asked["id"], outcome={"due": True})
    assert not (await bench.writer.submit(due)).done, "the day is not over"
    with bench.database.transaction() as session:  # as if a day had passed
        session.execute(update(Wait).values(due=now()))
        session.execute(update(Spending).values(at=col(Spending.at) - 24 * 3600 * 1000))
    assert (await bench.writer.submit(due)).done
    bench.executor = bench.another()
    assert await bench.advance(run_id) == "done"
    assert bench.row(run_id).cost == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("moment", "zone", "date", "hours"),
    [
        ("2026-11-23T23:30:00Z", "UTC", "2026-11-23", 24),
        ("2026-11-23T23:30:00Z", "Europe/Berlin", "2026-11-24", 24),
        ("2026-11-23T23:30:00Z", "Asia/Kathmandu", "2026-11-24", 24),
        ("2026-03-29T12:00:00Z", "Europe/Berlin", "2026-03-29", 23),
        ("2026-10-25T12:00:00Z", "Europe/Berlin", "2026-10-25", 25),
        ("2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-25", 25),
        ("2026-09-06T12:00:00Z", "America/Santiago", "2026-09-06", 23),  # midnight itself is skipped
    ],
)
def test_days_begin_at_midnight_of_the_zone(moment: str, zone: str, date: str, hours: int) -> None:
    day = day_of(datetime.fromisoformat(moment), zone)
    assert (day.date, (day.ends - day.begins) / 3_600_000) == (date, hours)
    assert day.begins <= to_ms(datetime.fromisoformat(moment)) < day.ends
    assert day.begins % QUARTER == 0
    assert day_of(from_ms(day.ends), zone).begins == day.ends

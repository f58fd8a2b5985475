"""Runs that stop half-way and go on: timers, long retries, questions, crashes, workers that are told to stop."""

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.models import Segment
from engine.store import cancelling, pausing
from engine.store.claim import Claim
from engine.store.lease import Leases
from engine.store.sweeping import sweep
from tests.engine.bench import Bench, Ran


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def write(path: Path, value: Any = 1, **more: Any) -> dict[str, Any]:
    settings = {name: more.pop(name) for name in ("seconds", "error") if name in more}
    return {"type": "lab.write", "with": {"value": value, "path": str(path), **settings}, **more}


async def crash(bench: Bench, run_id: str, when: Path, count: int = 1) -> None:
    """Execute until the log has `count` lines, then stop as a killed process does: nothing more is written."""
    claim = await bench.claim(run_id)
    assert claim is not None
    running = asyncio.create_task(bench.executor.execute(claim))
    async with asyncio.timeout(10):
        while len(lines(when)) < count:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    bench.leases.drop(claim)
    bench.executor = bench.another()


async def after_the_lease(bench: Bench, run_id: str) -> Ran:
    """Let the lease run out, so that the sweep finds the segment; then finish the run."""
    with bench.database.transaction() as session:
        segment = session.get(Segment, (run_id, 0))
        assert segment is not None
        segment.lease_until = 0
    assert (await bench.writer.submit(partial(sweep, patience=60_000))).expired
    return await bench.finish(run_id)


async def the_wait(bench: Bench, run_id: str) -> str:
    waits = (await bench.ran(run_id)).history.waits
    found: str = waits[-1]["id"]
    return found


async def test_a_timer_parks_the_run_and_its_value_goes_on(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_id = await bench.start(
        {
            "sent": write(log, "before"),
            "doze": {"type": "lab.doze", "with": {"value": "{{ sent }}", "seconds": 1.3}},
            "after": write(log, "{{ doze }}"),
        }
    )
    assert await bench.advance(run_id) == "waiting"
    assert bench.segment(run_id).status == "parked"
    ran = await bench.finish(run_id)
    assert ran.output("after") == "before"
    assert [line[1] for line in lines(log)] == ["sent", "after"]
    assert ran.steps["doze"]["finished_at"] - ran.steps["doze"]["started_at"] >= 1_300


async def test_each_item_of_a_list_dozes_by_itself(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "doze": {"type": "lab.doze", "with": {"value": "{{ start.name }}", "seconds": "{{ start.seconds }}"}},
    }
    payload = [{"name": "a", "seconds": 1.4}, {"name": "b", "seconds": 0}, {"name": "c", "seconds": 1.2}]
    ran = await bench.run(nodes, input={"trigger": "start", "payload": payload})
    assert ran.output("doze") == ["a", "b", "c"]
    assert len(ran.history.waits) == 2


async def test_a_wait_that_is_settled_while_another_branch_runs_is_taken_up(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_id = await bench.start(
        {
            "doze": {"type": "lab.doze", "with": {"value": 1, "seconds": 3_600}},
            "after": write(log, "{{ doze }}"),
            "slow": {"type": "lab.sleep", "with": {"value": 1, "seconds": 3}},
        }
    )
    running = asyncio.create_task(bench.advance(run_id))
    while not (await bench.ran(run_id)).history.waits:
        await asyncio.sleep(0.05)
    await bench.settle(await the_wait(bench, run_id), {})
    assert await running == "done"
    assert len(lines(log)) == 1
    assert bench.segment(run_id).epoch == 1


async def test_a_long_retry_parks_and_goes_on_as_the_next_attempt(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "bad": {
            "type": "lab.fail",
            "with": {"value": 7, "error": "limited", "path": str(log), "times": 1},
            "retry": {"times": 1, "wait": 0},
        }
    }
    run_id = await bench.start(nodes)
    assert await bench.advance(run_id) == "waiting"
    ran = await bench.finish(run_id)
    assert (ran.run.status, ran.output("bad"), ran.steps["bad"]["attempt"]) == ("done", 7, 2)
    assert [line[3] for line in lines(log)] == ["1", "2"]


async def test_a_rate_limit_pauses_the_whole_list(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "bad": {
            "type": "lab.fail",
            "with": {"value": "{{ start }}", "error": "limited", "path": str(log), "times": 1},
            "retry": {"times": 1, "wait": 0},
            "limit": 2,
        },
    }
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": [1, 2]})
    assert await bench.advance(run_id) == "waiting"
    assert len(lines(log)) <= 2
    ran = await bench.finish(run_id)
    assert ran.output("bad") == [1, 2]


@pytest.mark.parametrize(
    ("choice", "status", "count"), [("again", "done", 2), ("done", "done", 1), ("fail", "failed", 1)]
)
async def test_a_person_answers_for_an_effect_with_an_unknown_outcome(
    bench: Bench, tmp_path: Path, choice: str, status: str, count: int
) -> None:
    log, gone = tmp_path / "log", tmp_path / "gone"
    nodes = {"send": write(log, seconds=30, time_limit=0.3), "then": write(gone, "{{ send }}")}
    run_id = await bench.start(nodes)
    assert await bench.advance(run_id) == "waiting"
    asked = (await bench.ran(run_id)).history.waits[0]
    assert (asked["kind"], asked["detail"]["error"]["node"]) == ("ask", "send")
    if choice == "again":
        bench.seeds[bench.row(run_id).version_id].document["nodes"]["send"]["with"]["seconds"] = 0
        bench.executor = bench.another()
    await bench.settle(asked["id"], {"choice": choice})
    ran = await bench.finish(run_id)
    assert (ran.run.status, len(lines(log))) == (status, count)
    assert {line[4] for line in lines(log)} == {f"{run_id}:send::0"}, "a service must recognize the repeat"


async def test_what_was_recorded_before_a_crash_is_not_done_again(bench: Bench, tmp_path: Path) -> None:
    log, slow = tmp_path / "log", tmp_path / "slow"
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "text": {"type": "data.template", "with": {"text": "{{ start }}!"}},
        "first": write(log, "{{ text }}"),
        "slow": {"type": "lab.sleep", "with": {"value": "{{ first }}", "seconds": 1, "marks": str(slow)}},
        "last": write(log, "{{ slow }}"),
    }
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": "hello"})
    await crash(bench, run_id, slow)
    ran = await after_the_lease(bench, run_id)
    assert [line[1] for line in lines(log)] == ["first", "last"]
    assert [mark for mark, _ in lines(slow)] == ["start", "start", "end"]
    assert (ran.run.status, ran.output("last")) == ("done", "hello!")


@pytest.mark.parametrize(
    ("setting", "status", "count"), [("again", "done", 2), ("fail", "failed", 1), ("ask", "waiting", 1)]
)
async def test_an_effect_that_a_crash_left_open_is_decided_by_the_setting(
    bench: Bench, tmp_path: Path, setting: str, status: str, count: int
) -> None:
    log = tmp_path / "log"
    run_id = await bench.start({"send": write(log, seconds=1, time_limit=1.8, on_unknown=setting)})
    started = time.monotonic()
    await crash(bench, run_id, log)
    if setting == "ask":
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await after_the_lease(bench, run_id)
        ran = await bench.ran(run_id)
        assert ran.history.waits[-1]["kind"] == "ask"
    else:
        ran = await after_the_lease(bench, run_id)
    assert (ran.run.status, len(lines(log))) == (status, count)
    assert time.monotonic() - started >= 1.8, "the first call might have been under way"
    assert {line[4] for line in lines(log)} == {f"{run_id}:send::0"}
    if setting == "again":
        assert [(a["number"], a["outcome"]) for a in ran.history.attempts] == [(1, "unknown"), (2, "done")]


async def test_finished_items_of_a_list_are_not_done_again_after_a_crash(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "send": write(log, "{{ start }}", seconds=0.05, time_limit=0.5, on_unknown="again", limit=3),
        "all": {"type": "lab.total", "with": {"values": "{{ send }}"}},
    }
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": list(range(30))})
    await crash(bench, run_id, log, 15)
    before = await bench.ran(run_id)
    done = {item for item, row in before.items("send").items() if row["status"] == "done"}
    assert len(done) >= 9
    ran = await after_the_lease(bench, run_id)
    assert ran.output("send") == list(range(30))
    times = [line[2] for line in lines(log)]
    assert all(times.count(item) == 1 for item in done)
    assert len(times) <= 30 + 3


async def test_chunks_of_a_pure_list_survive_a_crash(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "slow": {"type": "lab.fail", "with": {"value": "{{ start }}", "when": False, "path": str(log)}},
        "wait": {"type": "lab.sleep", "with": {"value": "{{ slow }}", "seconds": 0}},
    }
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": list(range(3_000))})
    await crash(bench, run_id, log, 2_800)
    ran = await after_the_lease(bench, run_id)
    assert ran.run.status == "done"
    assert ran.steps["wait"]["counts"]["done"] == 3_000


async def test_a_worker_that_stops_gives_its_runs_back(bench: Bench, tmp_path: Path) -> None:
    log, slow = tmp_path / "log", tmp_path / "slow"
    nodes = {
        "write": write(log, seconds=0.6),
        "read": {"type": "lab.sleep", "with": {"value": 1, "seconds": 5, "marks": str(slow)}},
        "then": write(log, "{{ write }}"),
    }
    run_id = await bench.start(nodes)
    claim = await bench.claim(run_id)
    assert claim is not None
    running = asyncio.create_task(bench.executor.execute(claim))
    await asyncio.sleep(0.3)
    claim.end("drain")
    async with asyncio.timeout(2):
        assert not await running
    await bench.leases.give_back(claim)
    bench.executor = bench.another()
    assert (await bench.ran(run_id)).statuses["write"] == "done"
    running = asyncio.create_task(bench.advance(run_id))
    while len(lines(log)) < 2:
        await asyncio.sleep(0.05)
    assert [line[1] for line in lines(log)] == ["write", "then"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_lost_the_lease_writes_nothing_more(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "slow": {"type": "lab.sleep", "with": {"value": 1, "seconds": 1.5}},
        "then": write(log, "{{ slow }}"),
    }
    run_id = await bench.start(nodes)
    absent = Leases(bench.writer)
    claim: Claim | None = await bench.claim(run_id, absent)
    assert claim is not None
    old = asyncio.create_task(bench.executor.execute(claim))
    bench.executor = bench.another()
    ran = await after_the_lease(bench, run_id)
    result = (await asyncio.gather(old, return_exceptions=True))[0]
    assert type(result).__name__ == "Fenced"
    assert ran.run.status == "done"
    assert len(lines(log)) == 1


async def test_cancelling_a_waiting_run_ends_it(bench: Bench) -> None:
    run_id = await bench.start({"doze": {"type": "lab.doze", "with": {"value": 1, "seconds": 3_600}}})
    assert await bench.advance(run_id) == "waiting"
    await bench.writer.submit(partial(cancelling.cancel, run_id=run_id))
    ran = await bench.ran(run_id)
    assert (ran.run.status, ran.statuses["doze"]) == ("cancelled", "cancelled")


async def test_an_answer_is_given_before_the_run_ends_and_kept_over_a_wait(bench: Bench) -> None:
    nodes = {
        "answer": {"type": "flow.respond", "with": {"body": {"taken": True}, "status": 201, "headers": {"X-A": "b"}}},
        "doze": {"type": "lab.doze", "with": {"value": "{{ answer }}", "seconds": 1.2}},
        "end": {"type": "flow.output", "with": {"name": "end", "value": "{{ doze }}"}},
    }
    run_id = await bench.start(nodes, options={"reply_to": "somebody"})
    assert await bench.advance(run_id) == "waiting"
    answer = {"status": 201, "headers": {"X-A": "b"}, "body": {"v": {"taken": True}}}
    early = bench.row(run_id).output
    assert early is not None and early["response"] == answer
    assert [reply.status for reply in bench.replies] == ["running"]
    ran = await bench.finish(run_id)
    assert ran.run.output == {"outputs": {"end": {"v": {"taken": True}}}, "response": answer}
    assert [reply.status for reply in bench.replies] == ["running", "done"]


async def test_a_paused_run_holds_no_worker_and_goes_on_where_it_was(bench: Bench, tmp_path: Path) -> None:
    log, marks = tmp_path / "log", tmp_path / "marks"
    nodes = {
        "first": write(log),
        "slow": {"type": "lab.sleep", "with": {"value": "{{ first }}", "seconds": 0.4, "marks": str(marks)}},
        "then": write(log, "{{ slow }}"),
    }
    run_id = await bench.start(nodes)
    claim = await bench.claim(run_id)
    assert claim is not None
    running = asyncio.create_task(bench.executor.execute(claim))
    while not lines(marks):
        await asyncio.sleep(0.01)
    await bench.writer.submit(partial(pausing.pause, run_id=run_id))
    await bench.leases.look(run_id)
    assert await running, "nothing is to be given back"
    bench.leases.drop(claim)
    assert (bench.row(run_id).status, bench.segment(run_id).status) == ("paused", "paused")
    # What was under way has finished and is recorded; nothing new started.
    assert (await bench.ran(run_id)).statuses["slow"] == "done"
    assert len(lines(log)) == 1
    bench.executor = bench.another()
    await bench.writer.submit(partial(pausing.resume, run_id=run_id))
    ran = await bench.finish(run_id)
    assert ran.run.status == "done"
    assert [line[1] for line in lines(log)] == ["first", "then"]
    assert [line[0] for line in lines(marks)] == ["start", "end"]


async def test_a_run_resumed_before_it_came_to_rest_is_given_back(bench: Bench, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    nodes = {
        "slow": {"type": "lab.sleep", "with": {"value": 1, "seconds": 0.5, "marks": str(marks)}},
        "then": {"type": "lab.sleep", "with": {"value": "{{ slow }}", "marks": str(marks)}},
    }
    run_id = await bench.start(nodes)
    claim = await bench.claim(run_id)
    assert claim is not None
    running = asyncio.create_task(bench.executor.execute(claim))
    while not lines(marks):
        await asyncio.sleep(0.01)
    await bench.writer.submit(partial(pausing.pause, run_id=run_id))
    await bench.leases.look(run_id)
    await bench.writer.submit(partial(pausing.resume, run_id=run_id))
    assert not await running
    await bench.leases.give_back(claim)
    assert (await bench.finish(run_id)).run.status == "done"
    assert [line[0] for line in lines(marks)].count("start") == 2

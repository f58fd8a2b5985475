"""Containers that wait, crash and come back: nothing is done twice, nothing is forgotten, what waits holds nothing."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.engine.bench import Bench
from tests.engine.run.test_containers import START, each, fail, given, node, rows, text
from tests.engine.run.test_executor_resume import after_the_lease, crash, lines


def write(path: Path, value: Any, inside: str | None = None, **more: Any) -> dict[str, Any]:
    settings = {name: more.pop(name) for name in ("seconds", "error") if name in more}
    return node("lab.write", inside, params={"value": value, "path": str(path), **settings}, **more)


def doze(value: Any, seconds: Any, inside: str | None = None) -> dict[str, Any]:
    return node("lab.doze", inside, params={"value": value, "seconds": seconds})


async def open_waits(bench: Bench, run_id: str) -> list[dict[str, Any]]:
    return [row for row in (await bench.ran(run_id)).history.waits if row["settled_at"] is None]


async def test_rounds_that_wait_take_no_slot_and_hold_nothing(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": START,
        "loop": each("{{ start }}", limit=1),
        "doze": doze("{{ item }}", 3_600, "loop"),
        "sent": write(log, "{{ doze }}", "loop"),
        "after": text("{{ loop | join(',') }}", each="combined"),
    }
    run_id = await bench.start(nodes, input=given(["a", "b", "c"]))
    assert await bench.advance(run_id) == "waiting"
    assert [row["scope"] for row in await open_waits(bench, run_id)] == ["loop.0", "loop.1", "loop.2"]
    assert bench.segment(run_id).status == "parked"
    for scope in ("loop.1", "loop.2", "loop.0"):
        (wait,) = [row for row in await open_waits(bench, run_id) if row["scope"] == scope]
        await bench.settle(wait["id"], {})
        bench.executor = bench.another()
        await bench.advance(run_id)
    ran = await bench.ran(run_id)
    assert (ran.run.status, ran.output("after")) == ("done", "a,b,c")
    assert [line[4].split(":")[1] for line in lines(log)] == ["loop.1", "loop.2", "loop.0"]


async def test_a_wait_deep_inside_four_levels_goes_on_where_it_was(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": START,
        "a": each("{{ start }}"),
        "b": node("flow.repeat", "a", params={"times": 2, "at_limit": "go_on", "result": "{{ c }}"}),
        "c": node("flow.try", "b"),
        "d": each("{{ item }}", "c", mode="in_turn"),
        "sent": write(log, "{{ item }}", "d"),
        "doze": doze("{{ sent }}", 1.2, "d"),
    }
    ran = await bench.run(nodes, input=given([["a", "b"], ["c"]]))
    assert ran.run.status == "done", ran.run.error
    assert ran.output("a") == [["a", "b"], ["c"]]
    keys = [line[4] for line in lines(log)]
    assert len(keys) == len(set(keys)) == 6
    assert f"{ran.run.id}:a.0/b.1/c.0/d.1:sent::0" in keys


async def test_in_turn_a_round_that_waits_holds_up_those_after_it(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": START,
        "loop": each("{{ start }}", mode="in_turn"),
        "doze": doze("{{ item }}", "{{ 3600 if index == 0 else 0 }}", "loop"),
        "sent": write(log, "{{ doze }}", "loop"),
    }
    run_id = await bench.start(nodes, input=given(["a", "b"]))
    assert await bench.advance(run_id) == "waiting"
    assert not lines(log)
    await bench.settle((await open_waits(bench, run_id))[0]["id"], {})
    ran = await bench.finish(run_id)
    assert [line[4].split(":")[1] for line in lines(log)] == ["loop.0", "loop.1"]
    assert ran.output("loop") == ["a", "b"]


async def test_a_wait_settled_while_other_rounds_run_goes_on_beside_them(bench: Bench, tmp_path: Path) -> None:
    log, marks = tmp_path / "log", tmp_path / "marks"
    nodes = {
        "start": START,
        "loop": each("{{ start }}", limit=3),
        "doze": doze("{{ item }}", "{{ 3600 if index == 0 else 0 }}", "loop"),
        "slow": node(
            "lab.sleep",
            "loop",
            params={"value": "{{ doze }}", "seconds": "{{ 3 if index > 0 else 0 }}", "marks": str(marks)},
        ),
        "sent": write(log, "{{ slow }}", "loop"),
    }
    run_id = await bench.start(nodes, input=given(["a", "b", "c"]))
    running = asyncio.create_task(bench.advance(run_id))
    async with asyncio.timeout(10):
        while not await open_waits(bench, run_id):
            await asyncio.sleep(0.05)
        await bench.settle((await open_waits(bench, run_id))[0]["id"], {})
        assert await running == "done"
    assert lines(log)[0][4].split(":")[1] == "loop.0", "the round that waited did not wait for the others as well"
    assert bench.segment(run_id).epoch == 1


async def test_an_item_whose_wait_settles_while_another_item_runs_is_not_forgotten(bench: Bench) -> None:
    nodes = {
        "start": START,
        "doze": doze("{{ start.v }}", "{{ start.s }}"),
        "beside": doze(1, 3_600),
        "slow": node("lab.sleep", params={"value": "{{ start.v }}", "seconds": 3}, limit=1),
    }
    payload = [{"v": "a", "s": 3_600}, {"v": "b", "s": 0}]
    run_id = await bench.start(nodes, input=given(payload))
    running = asyncio.create_task(bench.advance(run_id))
    async with asyncio.timeout(15):
        while len(await open_waits(bench, run_id)) < 2:
            await asyncio.sleep(0.05)
        for wait in await open_waits(bench, run_id):
            await bench.settle(wait["id"], {})
        assert await running == "done"


@pytest.mark.parametrize("at", [1, 3, 5, 7])
async def test_killed_in_the_middle_of_nested_rounds_no_effect_happens_twice(
    bench: Bench, tmp_path: Path, at: int
) -> None:
    log, marks = tmp_path / "log", tmp_path / "marks"
    nodes = {
        "start": START,
        "outer": each("{{ start }}", limit=2),
        "trying": node("flow.try", "outer"),
        "inner": each("{{ item }}", "trying", mode="in_turn"),
        "sent": write(log, "{{ item }}", "inner", time_limit=1.2, on_unknown="again"),
        "pause": node("lab.sleep", "inner", params={"value": "{{ sent }}", "seconds": 0.1, "marks": str(marks)}),
    }
    run_id = await bench.start(nodes, input=given([["a", "b", "c"], ["d", "e"], ["f", "g", "h"]]))
    await crash(bench, run_id, marks, at)
    ran = await after_the_lease(bench, run_id)
    assert ran.run.status == "done", ran.run.error
    assert ran.output("outer") == [["a", "b", "c"], ["d", "e"], ["f", "g", "h"]]
    written = Counter(line[4] for line in lines(log))
    assert len(written) == 8
    open_at_the_crash = {row["scope"] for row in ran.history.attempts if row["number"] > 1}
    repeated = {key.split(":")[1] for key, times in written.items() if times > 1}
    assert repeated <= open_at_the_crash, "only what the crash left open, and only since the step says so"
    assert len(open_at_the_crash) <= 2


async def test_coming_back_reads_only_scopes_that_are_open(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = tmp_path / "marks"
    nodes = {
        "start": START,
        "loop": each("{{ start }}", mode="in_turn"),
        "nap": node("lab.sleep", "loop", params={"value": "{{ item }}", "seconds": 0.05, "marks": str(marks)}),
    }
    run_id = await bench.start(nodes, input=given(list(range(30))))
    await crash(bench, run_id, marks, 40)
    read: list[str] = []
    original = bench.checkpoints.scope

    async def counted(run_id: str, path: str, again: bool = False) -> Any:
        read.append(path)
        return await original(run_id, path, again)

    monkeypatch.setattr(bench.checkpoints, "scope", counted)
    ran = await after_the_lease(bench, run_id)
    assert ran.output("loop") == list(range(30))
    assert read[0] == "" and len(read) <= 8, read


async def test_a_round_called_back_after_a_crash_is_walked_once(bench: Bench, tmp_path: Path) -> None:
    log, marks, once = tmp_path / "log", tmp_path / "marks", tmp_path / "once"
    nodes = {
        "start": START,
        "loop": each("{{ start }}", limit=1),
        "look": node("lab.sleep", "loop", params={"value": "{{ item }}", "marks": str(once)}),
        "doze": doze("{{ look }}", 3_600, "loop"),
        "nap": node("lab.sleep", "loop", params={"value": "{{ doze }}", "seconds": 1.5, "marks": str(marks)}),
        "sent": write(log, "{{ nap }}", "loop"),
    }
    run_id = await bench.start(nodes, input=given(["a", "b"]))
    assert await bench.advance(run_id) == "waiting"
    first, second = await open_waits(bench, run_id)
    await bench.settle(first["id"], {})
    await crash(bench, run_id, marks)
    finishing = asyncio.create_task(after_the_lease(bench, run_id))
    async with asyncio.timeout(10):
        while len(lines(marks)) < 2:
            await asyncio.sleep(0.02)
        await bench.settle(second["id"], {})
    ran = await finishing
    assert ran.output("loop") == ["a", "b"]
    assert [line for line in lines(once) if line[0] == "start"] == [["start", "a"], ["start", "b"]]
    assert Counter(line[4].split(":")[1] for line in lines(log)) == {"loop.0": 1, "loop.1": 1}


async def test_what_waits_in_a_body_that_fails_is_given_up(bench: Bench) -> None:
    nodes = {
        "start": START,
        "trying": node("flow.try"),
        "asleep": doze(1, 3_600, "trying"),
        "loop": each("{{ start }}", "trying"),
        "nap": doze("{{ item }}", "{{ 3600 if index else 0 }}", "loop"),
        "later": node("lab.sleep", "trying", params={"value": 1, "seconds": 0.4}),
        "bad": fail("{{ later }}", "{{ true }}", "trying"),
        "sorry": text("{{ trying.caught.message }}"),
    }
    ran = await bench.run(nodes, input=given([1, 2]))
    assert (ran.run.status, ran.output("sorry")) == ("done", "Busy.")
    assert not await open_waits(bench, ran.run.id)
    assert rows(ran, "trying.0")["asleep"] == rows(ran, "trying.0")["loop"] == "cancelled"
    assert rows(ran, "trying.0/loop.1") == {"nap": "cancelled"}


async def test_cancelling_reaches_every_level_and_lets_a_write_finish(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": START,
        "outer": each("{{ start }}"),
        "trying": node("flow.try", "outer"),
        "sent": write(log, "{{ item }}", "trying", seconds=0.6),
        "then": write(log, "{{ sent }}", "trying"),
        "asleep": doze(1, 3_600, "outer"),
    }
    run_id = await bench.start(nodes, input=given([1, 2]))
    running = asyncio.create_task(bench.advance(run_id))
    async with asyncio.timeout(5):
        while len(lines(log)) < 2:
            await asyncio.sleep(0.02)
        for claim in bench.leases.held:
            claim.end("cancel")
        assert await running == "cancelled"
    ran = await bench.ran(run_id)
    assert len(lines(log)) == 2
    assert {rows(ran, f"outer.{n}/trying.0")["sent"] for n in (0, 1)} == {"done"}
    assert not await open_waits(bench, run_id)
    assert not [row for row in ran.history.steps if row["status"] in ("running", "waiting")]


async def test_a_drained_worker_hands_the_rounds_on(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": START,
        "loop": each("{{ start }}", mode="in_turn"),
        "sent": write(log, "{{ item }}", "loop", seconds=0.3),
    }
    run_id = await bench.start(nodes, input=given([1, 2, 3]))
    running = asyncio.create_task(bench.advance(run_id))
    async with asyncio.timeout(10):
        while len(lines(log)) < 2:
            await asyncio.sleep(0.02)
        for claim in bench.leases.held:
            claim.end("drain")
        await running
    bench.executor = bench.another()
    ran = await bench.finish(run_id)
    assert ran.output("loop") == [1, 2, 3]
    assert len(lines(log)) == 3


async def test_an_answer_from_inside_of_a_container_is_given_and_kept(bench: Bench) -> None:
    nodes = {
        "trying": node("flow.try"),
        "answer": node("flow.respond", "trying", params={"body": {"taken": True}, "status": 202}),
        "nap": doze(1, 1.2),
        "after": doze("{{ trying }}", 1.2),
        "out": node("flow.output", params={"name": "x", "value": "{{ after }}"}),
    }
    run_id = await bench.start(nodes, options={"reply_to": "somebody"})
    assert await bench.advance(run_id) == "waiting"
    answer = {"status": 202, "headers": {}, "body": {"v": {"taken": True}}}
    assert (bench.row(run_id).output or {})["response"] == answer
    assert [reply.status for reply in bench.replies] == ["running"]
    bench.executor = bench.another()
    ran = await bench.finish(run_id)
    assert (ran.run.output or {})["response"] == answer
    assert (ran.run.output or {})["outputs"] == {"x": {"v": {"taken": True}}}

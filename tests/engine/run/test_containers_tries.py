"""Time limits and retries of containers: a round is over in time, and tried again with what was done in it."""

from pathlib import Path
from typing import Any

import pytest

from tests.engine.bench import Bench, Ran
from tests.engine.run.test_called import call, gives, started
from tests.engine.run.test_containers import START, each, given, node, rows, text
from tests.engine.run.test_containers_resume import doze, open_waits, write
from tests.engine.run.test_executor_resume import after_the_lease, crash, lines

AGAIN = {"times": 2, "wait": 0}


def flaky(path: Path, value: Any, inside: str | None = None, **more: Any) -> dict[str, Any]:
    return node("lab.flaky", inside, params={"value": value, "path": str(path), **more})


def caught(ran: Ran, name: str = "try") -> dict[str, Any]:
    assert ran.run.status == "done", ran.run.error
    found: dict[str, Any] = ran.output(name, "caught")
    return found


async def test_a_round_that_takes_too_long_fails_and_what_was_begun_is_finished(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "try": node("flow.try", time_limit=0.4),
        "sent": write(log, "begun", "try", seconds=1),
        "nap": node("lab.sleep", "try", params={"value": "x", "seconds": 30}),
        "next": write(log, "{{ sent }}", "try"),
    }
    ran = await bench.run(nodes)
    error = caught(ran)
    assert (error["kind"], error["message"]) == ("TimedOut", "“Try” did not finish within its time limit of 0.4 s.")
    assert rows(ran, "try.0") == {"sent": "done", "nap": "cancelled"}
    assert [line[1] for line in lines(log)] == ["sent"], "nothing new was begun"


async def test_time_passes_while_a_round_waits_and_each_has_its_own(bench: Bench) -> None:
    nodes = {
        "start": START,
        "loop": {**each("{{ start }}", on_failure="collect"), "time_limit": 1.2},
        "doze": doze("{{ item }}", "{{ item }}", "loop"),
    }
    run_id = await bench.start(nodes, input=given([3_600, 0, 1.05]))
    assert await bench.advance(run_id) == "waiting"
    kinds = sorted(row["kind"] for row in await open_waits(bench, run_id))
    assert kinds == ["limit", "limit", "timer", "timer"]
    ran = await bench.finish(run_id)
    assert ran.output("loop") == [0, 1.05]
    (failure,) = ran.output("loop", "failures")
    assert (failure["index"], failure["kind"]) == (0, "TimedOut")
    assert not await open_waits(bench, run_id)


async def test_a_time_limit_counts_on_through_a_crash(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "try": node("flow.try", time_limit=0.5),
        "sent": write(log, "x", "try", seconds=0.6),
        "nap": node("lab.sleep", "try", params={"value": "{{ sent }}", "seconds": 30}),
    }
    run_id = await bench.start(nodes)
    await crash(bench, run_id, log)
    ran = await after_the_lease(bench, run_id)
    assert caught(ran)["kind"] == "TimedOut"
    assert len(lines(log)) == 1


async def test_a_round_of_repeat_that_fails_is_the_last_also_with_an_error_output(bench: Bench) -> None:
    nodes = {
        "again": node("flow.repeat", params={"times": 3, "at_limit": "go_on"}, time_limit=0.6, on_error="output"),
        "nap": node(
            "lab.sleep", "again", params={"value": "{{ index }}", "seconds": "{{ 30 if index == 1 else 0.1 }}"}
        ),
    }
    ran = await bench.run(nodes)
    assert ran.run.status == "done", ran.run.error
    assert ran.steps["again"]["error"]["kind"] == "TimedOut", ran.steps["again"]
    assert [row["status"] for row in ran.items("again").values()] == ["done", "failed"]


async def test_a_round_is_tried_again_with_what_was_done_in_it(bench: Bench, tmp_path: Path) -> None:
    log, tries = tmp_path / "log", tmp_path / "tries"
    nodes = {
        "start": START,
        "loop": {**each("{{ start }}"), "retry": AGAIN},
        "sent": write(log, "{{ item }}", "loop"),
        "inner": each("{{ [1, 2, 3] }}", "loop", mode="in_turn"),
        "deep": write(log, "{{ item }}", "inner"),
        "flaky": flaky(tries, "{{ deep }}{{ sent if item == 2 else '' }}", "inner"),
        "last": text("{{ inner | length }}", "loop"),
    }
    ran = await bench.run(nodes, input=given(["a", "b"]))
    assert ran.run.status == "done", ran.run.error
    assert ran.output("loop") == ["3", "3"]
    written = sorted((line[1], line[5]) for line in lines(log))
    assert len(written) == len(set(written)) == 8, "no effect happened twice"
    assert {row["attempt"] for row in ran.items("loop").values()} <= {2, 3}
    aside = [row for row in ran.history.steps if "~" in row["scope"]]
    assert aside and all(row["status"] in ("failed", "cancelled") for row in aside)


async def test_tries_come_to_an_end_and_wait_as_rows(bench: Bench, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    nodes = {"try": node("flow.try", retry={"times": 2, "wait": 1.1, "growth": 1, "jitter": 0})}
    nodes["flaky"] = flaky(tries, "x", "try", times=9)
    run_id = await bench.start(nodes)
    assert await bench.advance(run_id) == "waiting"
    (wait,) = await open_waits(bench, run_id)
    assert (wait["kind"], wait["scope"]) == ("retry", "try.0")
    bench.executor = bench.another()
    ran = await bench.finish(run_id)
    assert caught(ran)["kind"] == "Unavailable"
    assert len(lines(tries)) == 3
    assert ran.items("try")["0"]["attempt"] == 3


@pytest.mark.parametrize("rule", ["fail", "ask", "again"])
async def test_what_may_have_happened_is_not_just_repeated(bench: Bench, tmp_path: Path, rule: str) -> None:
    log = tmp_path / "log"
    nodes = {
        "try": node("flow.try", retry={"times": 2, "wait": 0, "on": ["NodeError"]}, time_limit=1.5),
        "sent": {**write(log, "x", "try", error="timeout"), "on_unknown": rule},
    }
    run_id = await bench.start(nodes)
    ran = await bench.finish(run_id)
    assert ran.run.status == "done"
    # Asked, nobody answers in time; the next try asks again instead of repeating.
    assert len(lines(log)) == (3 if rule == "again" else 1)
    keys = {line[4] for line in lines(log)}
    assert len(keys) == 1, "a service that knows its keys sees one request"


async def test_a_rejected_effect_is_a_new_request_in_the_next_try(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {"try": node("flow.try", retry=AGAIN), "sent": write(log, "x", "try", error="busy")}
    ran = await bench.run(nodes)
    assert caught(ran)["kind"] == "Unavailable"
    assert [line[4].rpartition(":")[2] for line in lines(log)] == ["0", "1", "2"]


async def test_a_crash_in_a_second_try_repeats_nothing(bench: Bench, tmp_path: Path) -> None:
    log, tries = tmp_path / "log", tmp_path / "tries"
    nodes = {
        "try": node("flow.try", retry=AGAIN),
        "one": write(log, "1", "try"),
        "flaky": flaky(tries, "{{ one }}", "try"),
        "two": write(log, "{{ flaky }}", "try", seconds=0.3),
        "three": write(log, "{{ two }}", "try", seconds=1),
    }
    nodes["three"] |= {"on_unknown": "fail", "time_limit": 1.5}
    run_id = await bench.start(nodes)
    await crash(bench, run_id, log, 3)
    ran = await after_the_lease(bench, run_id)
    assert "nobody knows whether it happened" in caught(ran)["message"]
    assert [line[1] for line in lines(log)] == ["one", "two", "three"]


async def test_an_approval_that_was_given_up_is_asked_again(bench: Bench, tmp_path: Path) -> None:
    nodes = {
        "try": node("flow.try", retry=AGAIN),
        "ask": node("flow.approval", "try", params={"title": "May I?"}),
        "nap": node("lab.sleep", "try", params={"value": "x", "seconds": 0.3}),
        "flaky": flaky(tmp_path / "tries", "{{ nap }}", "try"),
    }
    run_id = await bench.start(nodes)
    assert await bench.advance(run_id) == "waiting"
    waits = (await bench.ran(run_id)).history.waits
    assert [(row["round"], row["settled_at"] is None) for row in waits] == [(0, False), (1, True)]
    await bench.settle(waits[1]["id"], {"choice": "approve"})
    ran = await bench.finish(run_id)
    assert ran.run.status == "done" and "main" in ran.steps["try"]["output"]


async def test_a_called_workflow_is_tried_again_and_limited(bench: Bench, tmp_path: Path) -> None:
    log, tries = tmp_path / "log", tmp_path / "tries"
    inside = {
        "sent": write(log, "x"),
        "flaky": flaky(tries, "{{ sent }}"),
        "out": gives("told", "{{ flaky }}!"),
    }
    slow = {"nap": node("lab.sleep", params={"value": "x", "seconds": 30})}
    nodes = {
        "call": call("$0", retry=AGAIN),
        "slow": call("$1", time_limit=0.3, on_error="output"),
        "told": text("{{ call.told }} {{ slow.error.message }}"),
    }
    run_id, _ = await started(bench, nodes, inside, slow)
    ran = await bench.finish(run_id)
    assert ran.run.status == "done", ran.run.error
    assert ran.output("told") == "x! “Slow” did not finish within its time limit of 0.3 s."
    assert [line[1] for line in lines(log)] == ["sent"]

"""Race and the joins: who comes first in time, what stays chosen, what order decides."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.engine.bench import Bench
from tests.engine.run.test_containers import START, each, given, node, text
from tests.engine.run.test_containers_resume import doze, open_waits, write
from tests.engine.run.test_executor_resume import after_the_lease, crash, lines


def nap(value: Any, seconds: float, inside: str | None = None, **more: Any) -> dict[str, Any]:
    return node("lab.sleep", inside, params={"value": value, "seconds": seconds, **more})


def race(*names: str, inside: str | None = None, **more: Any) -> dict[str, Any]:
    return node("flow.race", inside, params={"values": [f"{{{{ {name} }}}}" for name in names], **more})


async def test_whoever_comes_first_goes_on_and_the_others_are_late(bench: Bench, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    nodes = {
        "slow": nap("slow", 0.6, marks=str(marks)),
        "quick": nap("quick", 0.05),
        "first": race("slow", "quick"),
        "sent": write(marks, "{{ first }}"),
    }
    ran = await bench.run(nodes)
    assert (ran.run.status, ran.output("first"), ran.output("slow")) == ("done", "quick", "slow")
    assert [line[0] for line in lines(marks)] == ["start", ran.run.id, "end"], "what follows did not wait for the other"
    assert {item: row["counts"] for item, row in ran.items("first").items()} == {
        "1": {"place": 1, "late": 0},
        "0": {"place": 2, "late": 1},
    }


async def test_the_first_two_of_three_in_the_order_in_which_they_came(bench: Bench) -> None:
    nodes = {"a": nap("a", 0.5), "b": nap("b", 0.25), "c": nap("c", 0), "two": race("a", "b", "c", first=2)}
    ran = await bench.run(nodes)
    assert ran.output("two") == ["c", "b"]


async def test_a_branch_that_did_not_fire_never_comes(bench: Bench) -> None:
    nodes = {
        "start": START,
        "ask": node("flow.if", params={"value": "{{ start }}", "when": False}),
        "slow": nap("slow", 0.2),
        "never": text("{{ ask.yes }}"),
        "first": race("never", "ask.yes", "slow"),
        "nobody": race("never", "ask.yes"),
        "after": text("{{ nobody }}"),
        "both": race("slow", "never", first=2),
    }
    ran = await bench.run(nodes, input=given("x"))
    assert ran.run.status == "done", ran.run.error
    assert (ran.output("first"), ran.output("both")) == ("slow", ["slow"])
    assert (ran.statuses["nobody"], ran.statuses["after"]) == ("skipped", "skipped")


async def test_a_timer_can_lose_and_win_against_an_answer(bench: Bench) -> None:
    nodes = {
        "answer": doze("answer", 3_600),
        "patience": doze("too late", 1.2),
        "first": race("answer", "patience"),
        "after": text("{{ first }}!"),
    }
    run_id = await bench.start(nodes)
    assert await bench.advance(run_id) == "waiting"
    (answer,) = [row for row in await open_waits(bench, run_id) if row["node_id"] == "answer"]
    await bench.settle(answer["id"], {})
    bench.executor = bench.another()
    assert (await bench.finish(run_id)).output("after") == "answer!"


@pytest.mark.parametrize("inside", [None, "loop"])
async def test_what_was_chosen_stays_chosen_after_a_crash(bench: Bench, tmp_path: Path, inside: str | None) -> None:
    log, marks = tmp_path / "log", tmp_path / "marks"
    nodes = {
        "loop": each("{{ [1] }}"),
        "a": nap("a", 0.4, inside),
        "b": nap("b", 0, inside),
        "first": race("a", "b", inside=inside),
        "sent": write(log, "{{ first }}", inside),
        "long": nap("{{ sent }}", 0.8, inside, marks=str(marks)),
        "last": text("{{ long }}", inside),
    }
    run_id = await bench.start(nodes)
    await crash(bench, run_id, marks)
    await asyncio.sleep(0)
    ran = await after_the_lease(bench, run_id)
    found = [
        row["output"]["main"]["v"]
        for row in ran.history.steps
        if row["node_id"] in ("first", "last") and not row["item"]
    ]
    assert found == ["b", "b"], "in the plan's order, as after a replay, it would have been the other one"
    assert len(lines(log)) == 1


async def test_a_race_needs_references(bench: Bench) -> None:
    ran = await bench.run({"first": node("flow.race", params={"values": ["{{ 1 + 1 }}"]})})
    assert ran.run.status == "failed" and "reference" in (ran.run.error or {})["message"]


async def test_first_decides_by_order_and_not_by_time_also_after_a_crash(bench: Bench, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    nodes = {
        "slow": nap("slow", 0.3),
        "quick": nap("quick", 0),
        "joined": node("data.set", params={"record": {}, "fields": {"who": {"first": ["{{ slow }}", "{{ quick }}"]}}}),
        "long": nap("{{ joined.who }}", 0.5, marks=str(marks)),
    }
    run_id = await bench.start(nodes)
    await crash(bench, run_id, marks)
    ran = await after_the_lease(bench, run_id)
    assert (ran.output("joined"), ran.output("long")) == ({"who": "slow"}, "slow")


async def test_dealt_items_come_together_again_in_their_order(bench: Bench) -> None:
    nodes = {
        "start": START,
        "odd": node("flow.if", params={"value": "{{ start }}", "when": "{{ value % 2 }}"}),
        "slow": nap("{{ odd.yes }}", 0.05),
        "joined": node("flow.merge", params={"lists": ["{{ slow }}", "{{ odd.no }}"]}),
        "again": node("data.template", params={"text": {"first": ["{{ slow }}", "{{ odd.no }}"]}}),
    }
    ran = await bench.run(nodes, input=given([1, 2, 3, 4, 5]))
    assert ran.run.status == "done", ran.run.error
    assert ran.output("joined") == [1, 3, 5, 2, 4]
    assert ran.output("again") == ["1", "2", "3", "4", "5"]

"""For each, Repeat and Try: what they give, in which order, what fails and what goes on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.run import executor
from tests.engine.bench import Bench, Ran

START = {"type": "trigger.manual", "with": {}}


def given(payload: Any) -> dict[str, Any]:
    return {"trigger": "start", "payload": payload}


def each(items: str, inside: str | None = None, **more: Any) -> dict[str, Any]:
    options = {name: more.pop(name) for name in ("limit", "on_error", "after") if name in more}
    return node("flow.for_each", inside, **options, params={"items": items, **more})


def node(
    kind: str, inside: str | None = None, /, params: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    return {"type": kind, "with": dict(params or {}), **more, **({"in": inside} if inside else {})}


def text(of: str, inside: str | None = None, **more: Any) -> dict[str, Any]:
    return node("data.template", inside, params={"text": of}, **more)


def fail(value: str, when: str, inside: str | None = None, **more: Any) -> dict[str, Any]:
    return node("lab.fail", inside, params={"value": value, "when": when}, **more)


def rows(ran: Ran, scope: str) -> dict[str, str]:
    """The states of a scope's nodes."""
    return {row["node_id"]: row["status"] for row in ran.history.steps if row["scope"] == scope and not row["item"]}


async def test_each_item_makes_a_round_and_the_results_keep_the_order(bench: Bench) -> None:
    nodes = {
        "start": START,
        "loop": each("{{ start }}"),
        "nap": node("lab.sleep", "loop", params={"value": "{{ item }}", "seconds": "{{ 0.2 if index == 0 else 0 }}"}),
        "name": text("{{ index }}: {{ nap }}", "loop"),
        "after": text("{{ loop | join(',') }}", each="combined"),
    }
    ran = await bench.run(nodes, input=given(["a", "b", "c"]))
    assert ran.run.status == "done", ran.run.error
    assert ran.output("loop") == ["0: a", "1: b", "2: c"]
    assert rows(ran, "loop.1") == {"nap": "done", "name": "done"}
    assert [row["status"] for row in ran.items("loop").values()] == ["done"] * 3
    assert ran.steps["loop"]["counts"] == {"total": 3, "done": 3, "failed": 0}


async def test_four_levels_deep_no_item_is_skipped(bench: Bench) -> None:
    nodes = {
        "start": START,
        "a": each("{{ start }}"),
        "b": each("{{ item }}", "a"),
        "c": node("flow.try", "b"),
        "d": each("{{ item }}", "c", mode="in_turn"),
        "leaf": text("{{ item }}!", "d"),
    }
    payload = [[[f"{i}{j}{k}" for k in range(3)] for j in range(4)] for i in range(5)]
    ran = await bench.run(nodes, input=given(payload))
    assert ran.run.status == "done", ran.run.error
    assert ran.output("a") == [[[f"{i}{j}{k}!" for k in range(3)] for j in range(4)] for i in range(5)]
    assert rows(ran, "a.4/b.3/c.0/d.2") == {"leaf": "done"}


async def test_rounds_are_under_way_at_once_up_to_the_limit_and_in_turn_one_by_one(
    bench: Bench, tmp_path: Path
) -> None:
    for mode, limit, most in (("parallel", 3, 3), ("in_turn", 3, 1)):
        marks = tmp_path / mode
        nodes = {
            "start": START,
            "loop": each("{{ start }}", mode=mode, limit=limit),
            "nap": node("lab.sleep", "loop", params={"value": "{{ item }}", "seconds": 0.05, "marks": str(marks)}),
        }
        ran = await bench.run(nodes, input=given(list(range(7))))
        assert ran.output("loop") == list(range(7))
        under_way, found = 0, []
        for line in marks.read_text().splitlines():
            under_way += 1 if line.startswith("start") else -1
            found.append(under_way)
        assert max(found) == most


async def test_batches_give_lists_and_one_result_each(bench: Bench) -> None:
    nodes = {
        "start": START,
        "loop": each("{{ start }}", batch=2, result="{{ item | length }}"),
        "one": text("{{ item }}", "loop"),
    }
    ran = await bench.run(nodes, input=given(["a", "b", "c"]))
    assert ran.run.status == "done", ran.run.error
    assert ran.output("loop") == [2, 1]
    one = [row for row in ran.history.steps if (row["scope"], row["node_id"], row["item"]) == ("loop.0", "one", "")]
    assert one[0]["output"]["main"]["v"] == ["a", "b"], "a batch is a list: the node in it runs once per item"


async def test_the_result_is_asked_inside_or_is_what_the_last_steps_gave(bench: Bench) -> None:
    nodes = {
        "start": START,
        "asked": each("{{ start }}", result="{{ first }}-{{ second }}"),
        "first": text("1{{ item }}", "asked"),
        "second": text("2{{ item }}", "asked"),
        "several": each("{{ start }}"),
        "left": text("l{{ item }}", "several"),
        "right": text("r{{ item }}", "several"),
        "nothing": each("{{ start }}"),
    }
    ran = await bench.run(nodes, input=given(["x"]))
    assert ran.output("asked") == ["1x-2x"]
    assert ran.output("several") == [{"left": "lx", "right": "rx"}]
    assert ran.output("nothing") == [None]


async def test_the_first_failure_stops_the_loop_and_the_run(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": START,
        "loop": each("{{ start }}", mode="in_turn"),
        "bad": fail("{{ item }}", "{{ item == 2 }}", "loop"),
        "sent": node("lab.write", "loop", params={"value": "{{ bad }}", "path": str(log)}),
        "after": text("{{ loop }}"),
    }
    ran = await bench.run(nodes, input=given([1, 2, 3]))
    assert ran.run.status == "failed"
    error = ran.run.error or {}
    assert (error["node"], error["scope"], error["kind"]) == ("bad", "loop.1", "Unavailable")
    assert len(log.read_text().splitlines()) == 1
    assert ran.statuses == {"start": "done", "loop": "failed"}


async def test_failures_are_collected_and_the_others_go_on(bench: Bench) -> None:
    nodes = {
        "start": START,
        "loop": each("{{ start }}", on_failure="collect"),
        "bad": fail("{{ item }}", "{{ item.n == 2 }}", "loop"),
        "told": text("{{ loop.failures.message }}"),
        "beside": node("data.set", params={"record": "{{ start }}", "fields": {"got": "{{ loop.n }}"}}),
    }
    ran = await bench.run(nodes, input=given([{"n": 1}, {"n": 2}, {"n": 3}]))
    assert ran.run.status == "done", ran.run.error
    assert ran.output("loop") == [{"n": 1}, {"n": 3}]
    assert ran.output("loop", "failures") == [
        {"index": 1, "item": {"n": 2}, "message": "Busy.", "kind": "Unavailable", "node": "bad", "label": "Bad"}
    ]
    assert ran.output("told") == ["Busy."]
    assert [row["got"] for row in ran.output("beside")] == [1, 3], "results meet their items by where they come from"


async def test_a_loop_that_failed_can_leave_through_its_error_output(bench: Bench) -> None:
    nodes = {
        "start": START,
        "loop": each("{{ start }}", on_error="output"),
        "bad": fail("{{ item }}", "{{ item == 2 }}", "loop"),
        "told": text("{{ loop.error.node }}: {{ loop.error.message }}"),
        "not_this": text("{{ loop }}"),
    }
    ran = await bench.run(nodes, input=given([1, 2, 3]))
    assert ran.run.status == "done", ran.run.error
    assert ran.output("told") == "bad: Busy."
    assert (ran.statuses["loop"], ran.statuses["not_this"]) == ("failed", "skipped")


async def test_try_catches_and_only_one_of_its_outputs_fires(bench: Bench, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    nodes = {
        "start": START,
        "trying": node("flow.try", params={}),
        "slow": node("lab.sleep", "trying", params={"value": 1, "seconds": 5, "marks": str(marks)}),
        "bad": fail("{{ start }}", "{{ start == 'x' }}", "trying"),
        "good": node("data.set", params={"record": "{{ trying }}", "fields": {}}),
        "sorry": text("{{ trying.caught.node }} of {{ trying.caught.input.value }}: {{ trying.caught.message }}"),
    }
    ran = await bench.run(nodes, input=given("x"))
    assert ran.run.status == "done", ran.run.error
    assert ran.output("sorry") == "bad of x: Busy."
    assert (ran.statuses["good"], ran.statuses["trying"]) == ("skipped", "done")
    assert rows(ran, "trying.0") == {"bad": "failed", "slow": "cancelled"}
    assert marks.read_text().split()[0] == "start" and "end" not in marks.read_text()
    nodes["slow"]["with"]["seconds"] = 0
    ran = await bench.run(nodes, input=given("y"))
    assert (ran.statuses["good"], ran.statuses["sorry"]) == ("done", "skipped")
    assert ran.output("trying") == {"slow": 1, "bad": "y"}


async def test_repeat_goes_on_until_the_condition_holds(bench: Bench) -> None:
    nodes = {
        "loop": node("flow.repeat", params={"start": 1, "until": "{{ result > 20 }}", "result": "{{ double }}"}),
        "double": node("data.set", "loop", params={"record": {}, "fields": {"n": "{{ previous * 2 }}"}}),
    }
    nodes["loop"]["with"]["result"] = "{{ double.n }}"
    ran = await bench.run(nodes)
    assert ran.run.status == "done", ran.run.error
    assert (ran.output("loop"), ran.output("loop", "rounds")) == (32, 5)


@pytest.mark.parametrize(("at_limit", "status"), [("stop", "failed"), ("go_on", "done")])
async def test_repeat_has_a_limit(bench: Bench, at_limit: str, status: str) -> None:
    nodes = {
        "loop": node("flow.repeat", params={"start": "", "until": False, "times": 3, "at_limit": at_limit}),
        "more": text("{{ previous }}{{ index }}", "loop"),
    }
    ran = await bench.run(nodes)
    assert ran.run.status == status
    if status == "done":
        assert (ran.output("loop"), ran.output("loop", "rounds")) == ("012", 3)
    else:
        assert "within 3 rounds" in (ran.run.error or {})["message"]


async def test_what_stands_outside_is_seen_inside_and_a_skipped_source_skips(bench: Bench) -> None:
    nodes = {
        "start": START,
        "rate": text("3"),
        "gate": node("flow.if", params={"value": "{{ start }}", "when": False}),
        "loop": each("{{ start }}"),
        "inner": each("{{ item.lines }}", "loop"),
        "priced": text("{{ item }}*{{ rate }} of {{ outer }}", "inner"),
        "outer": text("{{ item.name }}", "loop"),
        "never": text("{{ gate.yes }}", "loop"),
        "empty": each("{{ gate.yes }}"),
        "body": text("{{ item }}", "empty"),
    }
    ran = await bench.run(nodes, input=given([{"name": "A", "lines": [1, 2]}]))
    assert ran.run.status == "done", ran.run.error
    assert ran.output("loop") == [{"inner": ["1*3 of A", "2*3 of A"], "never": None}]
    assert (ran.statuses["empty"], rows(ran, "loop.0")["never"]) == ("skipped", "skipped")


async def test_an_empty_list_makes_no_round(bench: Bench) -> None:
    nodes = {"start": START, "loop": each("{{ start }}"), "one": text("{{ item }}", "loop")}
    ran = await bench.run(nodes, input=given([]))
    assert (ran.run.status, ran.output("loop")) == ("done", [])


async def test_names_that_are_nested_too_deep_fail_in_words(bench: Bench) -> None:
    nodes: dict[str, Any] = {}
    inside = None
    for level in range(8):
        name = f"{'x' * 55}{level}"
        nodes[name] = node("flow.try", inside, params={"result": "{{ leaf }}"} if level == 7 else {})
        inside = name
    nodes["leaf"] = text("deep", inside)
    ran = await bench.run(nodes)
    caught = ran.steps[f"{'x' * 55}0"]["output"]
    assert "too deep inside" in str(caught), caught


async def test_thousands_of_rounds_hold_no_more_walks_than_the_limit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_now, most = 0, 0

    class Counted(executor.Walk):
        async def begin(self, begun: bool) -> None:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await super().begin(begun)

        async def close(self) -> None:
            nonlocal open_now
            open_now -= 1
            await super().close()

    monkeypatch.setattr(executor, "Walk", Counted)
    nodes = {
        "start": START,
        "loop": each("{{ start }}", limit=20),
        "nap": node("lab.sleep", "loop", params={"value": "{{ item }}"}),
    }
    ran = await bench.run(nodes, input=given(list(range(3_000))))
    assert ran.run.status == "done", ran.run.error
    assert ran.steps["loop"]["counts"] == {"total": 3_000, "done": 3_000, "failed": 0}
    assert most <= 21

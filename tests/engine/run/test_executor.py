"""Runs from start to end: order, branches, lists, failures, results; on both databases."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.engine.bench import Bench
from tests.size_it import SIZE_IT

NODES = SIZE_IT["nodes"]


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize(
    ("value", "body", "sized"),
    [(7, {"value": 7, "doubled": 14, "size": "big"}, "done"), (2, {"value": 2, "doubled": 4}, "skipped")],
)
async def test_size_it(bench: Bench, value: int, body: Any, sized: str) -> None:
    ran = await bench.run(NODES, input={"trigger": "hook", "payload": {"body": {"value": value}}})
    assert ran.run.error is None
    assert ran.statuses == {"hook": "done", "double": "done", "big": "done", "sized": sized, "answer": "done"}
    assert ran.run.output == {
        "outputs": {},
        "last": {"v": body},
        "response": {"status": 200, "headers": {}, "body": {"v": body}},
    }
    assert ran.steps["big"]["input"]["value"] == {"v": {"value": value, "doubled": value * 2}}
    assert {event.node_id for event in bench.told if event.kind == "step"} == set(NODES)


async def test_branches_run_at_the_same_time(bench: Bench, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    nodes = {
        name: {"type": "lab.sleep", "with": {"value": name, "seconds": 0.2, "marks": str(marks)}} for name in "abc"
    }
    nodes["all"] = {"type": "lab.total", "with": {"values": ["{{ a }}", "{{ b }}", "{{ c }}"]}}
    ran = await bench.run(nodes)
    assert [mark for mark, _ in lines(marks)] == ["start"] * 3 + ["end"] * 3
    assert ran.output("all") == 3


async def test_a_node_waits_for_what_after_names(bench: Bench, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    ran = await bench.run(
        {
            "second": {"type": "lab.sleep", "with": {"value": 2, "marks": str(marks)}, "after": ["{{ first }}"]},
            "first": {"type": "lab.sleep", "with": {"value": 1, "seconds": 0.1, "marks": str(marks)}},
        }
    )
    assert ran.run.status == "done"
    assert lines(marks) == [["start", "1"], ["end", "1"], ["start", "2"], ["end", "2"]]


async def test_a_list_is_dealt_out_and_comes_together_in_its_order(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "big": {"type": "flow.if", "with": {"value": "{{ start }}", "when": "{{ value > 2 }}"}},
        "shown": {"type": "data.template", "with": {"text": "big {{ big.yes }}"}},
        "all": {"type": "flow.output", "with": {"name": "all", "value": {"first": ["{{ shown }}", "{{ big.no }}"]}}},
    }
    ran = await bench.run(nodes, input={"trigger": "start", "payload": [1, 3, 2, 5]})
    assert ran.run.output == {"outputs": {"all": {"v": [1, "big 3", 2, "big 5"]}}}
    assert ran.steps["big"]["counts"] == {"total": 4, "done": 4, "failed": 0}
    assert ran.output("big", "no") == [1, 2]


async def test_a_branch_that_was_dealt_nothing_is_skipped(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "big": {"type": "flow.if", "with": {"value": "{{ start }}", "when": "{{ value > 2 }}"}},
        "many": {"type": "lab.total", "with": {"values": "{{ big.yes }}"}},
        "on": {"type": "lab.total", "with": {"values": ["{{ many }}"]}, "after": ["{{ many }}"]},
    }
    ran = await bench.run(nodes, input={"trigger": "start", "payload": [1, 2]})
    assert (ran.statuses["many"], ran.statuses["on"], ran.run.status) == ("skipped", "skipped", "done")
    assert "big.yes" in ran.steps["many"]["log"][0]["text"]


async def test_other_triggers_are_skipped_and_inputs_fill_input_nodes(bench: Bench) -> None:
    nodes = {
        "by_hand": {"type": "trigger.manual", "with": {"sample": "sample"}},
        "hook": {"type": "trigger.webhook", "with": {"path": "x"}},
        "name": {"type": "flow.input", "with": {"name": "who"}},
        "text": {"type": "data.template", "with": {"text": "{{ name }} {{ trigger }} {{ run.source }}"}},
    }
    ran = await bench.run(nodes, input={"trigger": "by_hand", "inputs": {"who": "Ada"}})
    assert ran.statuses["hook"] == "skipped"
    assert ran.output("text") == "Ada sample manual"


async def test_a_failure_stops_the_run_and_says_where_and_why(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "slow_write": {"type": "lab.write", "with": {"value": 1, "path": str(log), "seconds": 0.4}},
        "slow_read": {"type": "lab.sleep", "with": {"value": 1, "seconds": 20}},
        "pause": {"type": "lab.sleep", "with": {"value": 0, "seconds": 0.2}},
        "bad": {"type": "lab.fail", "label": "The bad one", "with": {"value": "{{ pause }}"}},
        "never": {"type": "lab.write", "with": {"value": "{{ slow_write }}", "path": str(log)}},
    }
    ran = await bench.run(nodes)
    assert ran.run.status == "failed"
    assert ran.run.error is not None
    error = ran.run.error
    assert (error["node"], error["label"], error["kind"]) == ("bad", "The bad one", "Unavailable")
    assert ran.run.error["request"]["token"] != "s3cret"
    assert ran.statuses == {
        "slow_write": "done",
        "slow_read": "cancelled",
        "pause": "done",
        "bad": "failed",
    }
    assert len(lines(log)) == 1


async def test_failed_items_leave_through_the_error_output(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "odd": {
            "type": "lab.fail",
            "with": {"value": "{{ start }}", "when": "{{ value % 2 == 0 }}"},
            "on_error": "output",
        },
        "good": {"type": "lab.total", "with": {"values": "{{ odd }}"}},
        "bad": {"type": "data.template", "with": {"text": "{{ odd.error.input }}: {{ odd.error.message }}"}},
    }
    ran = await bench.run(nodes, input={"trigger": "start", "payload": [1, 2, 3, 4]})
    assert (ran.run.status, ran.output("good"), ran.output("bad")) == ("done", 2, ["2: Busy.", "4: Busy."])
    assert ran.steps["odd"]["counts"] == {"total": 4, "done": 2, "failed": 2}
    assert sorted(ran.items("odd")) == ["1", "3"]


async def test_a_single_failure_leaves_through_the_error_output(bench: Bench) -> None:
    nodes = {
        "bad": {"type": "lab.fail", "with": {"value": 1}, "on_error": "output"},
        "told": {"type": "data.template", "with": {"text": "{{ bad.error.kind }} in {{ bad.error.node }}"}},
        "not": {"type": "lab.total", "with": {"values": "{{ bad }}"}},
    }
    ran = await bench.run(nodes)
    assert ran.statuses == {"bad": "failed", "told": "done", "not": "skipped"}
    assert (ran.run.status, ran.output("told")) == ("done", "Unavailable in bad")


async def test_a_failing_item_of_a_mapped_node_is_named(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "odd": {"type": "lab.fail", "with": {"value": "{{ start }}", "when": "{{ value == 3 }}"}},
    }
    ran = await bench.run(nodes, input={"trigger": "start", "payload": [1, 2, 3, 4]})
    assert ran.run.status == "failed"
    assert ran.run.error is not None and ran.run.error["item"] == "2"


async def test_a_template_that_fails_names_the_node(bench: Bench) -> None:
    ran = await bench.run({"bad": {"type": "data.template", "with": {"text": "{{ 1 / 0 }}"}}})
    assert ran.run.status == "failed"
    assert ran.run.error is not None and ran.run.error["node"] == "bad"
    assert "Traceback" not in str(ran.run.error)


async def test_an_unknown_type_fails_the_run_in_words(bench: Bench) -> None:
    ran = await bench.run({"gone": {"type": "lab.gone", "with": {}}})
    assert ran.run.status == "failed"
    assert ran.run.error is not None and "lab.gone" in ran.run.error["message"]


async def test_lists_of_different_length_say_which(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "text": {"type": "data.template", "with": {"text": "{{ start.a }} {{ start.b }}"}},
    }
    ran = await bench.run(nodes, input={"trigger": "start", "payload": {"a": [1, 2], "b": [1, 2, 3]}})
    assert ran.run.error is not None and ran.run.error["kind"] == "ListLengthMismatch"


async def test_a_node_that_is_off_passes_its_wire_on(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "sort": {"type": "lab.fail", "with": {"value": "{{ start.rows }}"}, "off": True},
        "route": {"type": "flow.if", "with": {"value": 1, "when": True}, "off": True},
        "all": {"type": "lab.total", "with": {"values": "{{ sort }}"}},
        "nothing": {"type": "lab.total", "with": {"values": "{{ route.yes }}"}},
        "half": {"type": "data.template", "with": {"txt": "{{ nobody.name }}"}, "off": True},
    }
    ran = await bench.run(nodes, input={"trigger": "start", "payload": {"rows": [3, 1]}})
    assert ran.run.error is None
    assert (ran.output("sort"), ran.output("all")) == ([3, 1], 2)
    assert [ran.statuses[name] for name in ("route", "nothing", "half")] == ["skipped"] * 3


async def test_pinned_outputs_stand_for_their_nodes(bench: Bench) -> None:
    nodes = {
        "bad": {"type": "lab.fail", "with": {"value": 1}},
        "all": {"type": "lab.total", "with": {"values": "{{ bad }}"}},
    }
    ran = await bench.run(nodes, options={"pins": {"bad": {"outputs": {"main": {"v": [1, 2, 3]}}, "of": "f"}}})
    assert ran.output("all") == 3


async def test_a_mapped_write_does_the_first_few_unless_told_all(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "send": {"type": "lab.write", "with": {"value": "{{ start }}", "path": str(log)}},
        "look": {"type": "lab.write", "with": {"value": "{{ start }}", "path": str(log), "kind": "read"}},
    }
    given = {"trigger": "start", "payload": list(range(9))}
    ran = await bench.run(nodes, input=given, options={"first_writes": 5})
    assert (ran.output("send"), ran.output("look")) == ([0, 1, 2, 3, 4], list(range(9)))
    assert ran.steps["send"]["counts"] == {"total": 5, "done": 5, "failed": 0}
    ran = await bench.run(nodes, input=given)
    assert ran.output("send") == list(range(9))
    assert sorted(ran.items("send")) == [str(n) for n in range(9)]


async def test_every_effect_has_its_own_key_and_an_attempt_that_ended(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "send": {"type": "lab.write", "with": {"value": "{{ start }}", "path": str(log)}},
    }
    ran = await bench.run(nodes, input={"trigger": "start", "payload": [1, 2, 3]})
    keys = {line[4] for line in lines(log)}
    assert keys == {f"{ran.run.id}:send:{n}:0" for n in range(3)}
    assert [(a["item"], a["number"], a["outcome"]) for a in ran.history.attempts] == [
        ("0", 1, "done"),
        ("1", 1, "done"),
        ("2", 1, "done"),
    ]
    assert ran.items("send")["1"]["log"] == [{"level": "info", "text": "wrote for 1"}]


async def test_retries_are_counted_and_a_rejected_request_gets_a_new_key(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "send": {
            "type": "lab.write",
            "with": {"value": 1, "path": str(log), "error": "busy"},
            "retry": {"times": 2, "wait": 0},
        }
    }
    ran = await bench.run(nodes)
    assert [line[3:5] for line in lines(log)] == [[str(n + 1), f"{ran.run.id}:send::{n}"] for n in range(3)]
    assert [(a["number"], a["outcome"]) for a in ran.history.attempts] == [(1, "failed"), (2, "failed"), (3, "failed")]
    assert ran.run.status == "failed"


async def test_a_long_list_is_quick_and_stored_in_pages(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "text": {"type": "data.template", "with": {"text": "Message {{ start.id }} of {{ start.kind }}"}},
        "count": {"type": "lab.total", "with": {"values": "{{ text }}"}},
    }
    rows = [{"id": n, "kind": "test"} for n in range(3_080)]
    ran = await bench.run(nodes, input={"trigger": "start", "payload": rows})
    held = ran.steps["text"]["output"]["main"]
    assert held["count"] == 3_080
    assert bench.storage.page(ran.run.workspace_id, held["ref"], 3_000, 3_002) == [
        "Message 3000 of test",
        "Message 3001 of test",
    ]
    assert ran.output("count") == 3_080
    assert ran.steps["count"]["input"] == {}, "the list is stored once, as the output of the node before"


async def test_child_processes_do_batches_of_a_list(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "square": {"type": "lab.compute", "with": {"value": "{{ start }}"}},
        "only": {"type": "data.template", "with": {"text": "{{ square.square }}"}},
    }
    ran = await bench.run(nodes, input={"trigger": "start", "payload": list(range(230))})
    assert ran.output("only") == [str(n * n) for n in range(230)]


async def test_a_field_that_is_missing_is_named(bench: Bench) -> None:
    nodes = {"no": {"type": "lab.total", "with": {}}}
    ran = await bench.run(nodes)
    assert ran.run.error is not None and ran.run.error["field"] == "values"


async def test_the_engine_failing_ends_the_run_and_not_the_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.broadcast.bind", lambda *_: 1 / 0)
    ran = await bench.run({"one": {"type": "lab.total", "with": {"values": [1]}}})
    assert ran.run.status == "failed"
    assert ran.run.error is not None and "Weft itself" in ran.run.error["message"]


async def test_cancelling_stops_what_reads_and_lets_a_write_finish(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "write": {"type": "lab.write", "with": {"value": 1, "path": str(log), "seconds": 0.5}},
        "read": {"type": "lab.sleep", "with": {"value": 1, "seconds": 20}},
        "then": {"type": "lab.write", "with": {"value": "{{ write }}", "path": str(log)}},
    }
    run_id = await bench.start(nodes)
    claim = await bench.claim(run_id)
    assert claim is not None
    running = asyncio.create_task(bench.executor.execute(claim))
    await asyncio.sleep(0.3)
    claim.end("cancel")
    async with asyncio.timeout(2):
        assert await running
    ran = await bench.ran(run_id)
    assert ran.run.status == "cancelled"
    assert ran.statuses == {"write": "done", "read": "cancelled"}
    assert len(lines(log)) == 1


async def test_progress_of_a_long_node_is_told_while_it_runs(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "slow": {"type": "lab.sleep", "with": {"value": "{{ start }}", "seconds": 0.1}, "limit": 5},
    }
    ran = await bench.run(nodes, input={"trigger": "start", "payload": list(range(40))})
    told = [event.counts["done"] for event in bench.told if event.node_id == "slow" and not event.item and event.counts]
    assert len(told) >= 3
    assert told == sorted(told) and told[-1] == 40
    assert next(event.status for event in bench.told if event.node_id == "slow" and not event.item) == "running"
    assert ran.run.status == "done"


async def test_an_event_that_its_trigger_cannot_read_fails_the_run(bench: Bench) -> None:
    ran = await bench.run(NODES, input={"trigger": "hook", "payload": "no record"})
    assert (ran.run.status, ran.statuses) == ("failed", {"hook": "failed"})
    assert ran.run.error is not None and "cannot read what started this run" in ran.run.error["message"]

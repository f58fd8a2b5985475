"""Retrying failed items: what was good is not done again, and is found again by where each item comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.run import reuse
from engine.run.plan import Plan
from engine.run.redo import Redo
from engine.run.reuse import Choice
from tests.engine.bench import Bench, Ran
from tests.engine.outside import Outside


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside(tmp_path)


async def retried(bench: Bench, ran: Ran, **more: Any) -> tuple[Ran, Choice]:
    """Retry the failed items of a run."""
    chosen: list[Choice] = []

    def choose(plan: Plan, redo: Redo) -> Choice:
        chosen.append(reuse.retry(redo, plan, ran.run.id))
        return chosen[0]

    run_id = await bench.linked(ran.run.id, choose, **more)
    return await bench.finish(run_id), chosen[0]


def chain(outside: Outside) -> Mapping[str, Any]:
    """A list, an enrichment of each that may fail, and a message for each that did not."""
    return {
        "orders": {"type": "data.parse_json", "with": {"text": "[10, 11, 12, 13, 14]"}},
        "enrich": outside.send("{{ orders }}", on_error="output"),
        "word": {"type": "data.template", "with": {"text": "order {{ enrich }}"}},
        "mail": outside.send("{{ word }}"),
    }


async def test_failed_items_are_done_again_and_reach_what_follows_by_their_path(bench: Bench, outside: Outside) -> None:
    outside.refuse(11, 13)
    first = await bench.run(chain(outside))
    assert first.output("mail") == ["order 10", "order 12", "order 14"]
    outside.refuse()
    second, choice = await retried(bench, first)
    assert choice.taken == ("orders",)
    assert choice.items == ("enrich", "word", "mail")
    assert not choice.repeats
    assert second.output("mail") == [f"order {number}" for number in range(10, 15)]
    assert set(outside.heard().values()) == {1}
    assert outside.heard(second.run.id).keys() == {
        ("enrich", "11"), ("enrich", "13"), ("mail", '"order 11"'), ("mail", '"order 13"'),
    }  # fmt: skip


async def test_reused_rows_say_which_run_did_them(bench: Bench, outside: Outside) -> None:
    outside.refuse(11)
    first = await bench.run(chain(outside))
    outside.refuse()
    second, _ = await retried(bench, first)
    assert second.steps["orders"]["reused_from"] == first.run.id
    assert second.steps["mail"]["reused_from"] is None
    assert second.steps["mail"]["counts"] == {"total": 5, "done": 5, "failed": 0, "reused": 4}
    by_item = {item: row["reused_from"] for item, row in second.items("mail").items()}
    assert by_item == {"0": first.run.id, "1": None, **dict.fromkeys("234", first.run.id)}


async def test_a_retry_of_a_retry_goes_on_from_there(bench: Bench, outside: Outside) -> None:
    outside.refuse(11, 13)
    first = await bench.run(chain(outside))
    outside.refuse(13)
    second, _ = await retried(bench, first)
    assert second.output("mail") == [f"order {number}" for number in (10, 11, 12, 14)]
    outside.refuse()
    third, _ = await retried(bench, second)
    assert third.output("mail") == [f"order {number}" for number in range(10, 15)]
    assert set(outside.heard().values()) == {1}
    assert third.items("mail")["0"]["reused_from"] == first.run.id


async def test_a_run_that_stopped_goes_on_where_it_stopped(bench: Bench, outside: Outside) -> None:
    nodes = {**chain(outside), "enrich": outside.send("{{ orders }}", limit=1)}
    outside.refuse(12)
    first = await bench.run(nodes)
    assert first.run.status == "failed"
    outside.refuse()
    second, choice = await retried(bench, first)
    assert choice.items == ("enrich",)
    assert second.run.status == "done"
    assert second.output("mail") == [f"order {number}" for number in range(10, 15)]
    assert set(outside.heard().values()) == {1}


async def test_a_step_that_takes_the_whole_list_and_writes_is_told(bench: Bench, outside: Outside) -> None:
    nodes = {
        **chain(outside),
        "total": {"type": "lab.total", "with": {"values": "{{ enrich }}"}},
        "report": outside.send({"all": "{{ total }}"}),
    }
    outside.refuse(11)
    first = await bench.run(nodes)
    outside.refuse()
    second, choice = await retried(bench, first)
    assert [(repeat.node, repeat.times) for repeat in choice.repeats] == [("report", 1)]
    assert "as a whole" in choice.repeats[0].why
    assert second.output("report") == {"all": 5}
    assert outside.heard()["report", '{"all":5}'] == 1
    assert outside.heard()["mail", '"order 10"'] == 1


def loop(outside: Outside, **more: Any) -> dict[str, Any]:
    """For each order a step that may be refused between two that write."""
    return {
        "orders": {"type": "data.parse_json", "with": {"text": "[10, 11, 12]"}},
        "loop": {"type": "flow.for_each", "with": {"items": "{{ orders }}", **more}},
        "before": {**outside.send("before {{ item }}"), "in": "loop"},
        "sent": {**outside.send("{{ item }}", after=["{{ before }}"]), "in": "loop"},
        "told": {**outside.send("told {{ sent }}"), "in": "loop"},
        "mail": outside.send("mail {{ loop }}"),
    }


@pytest.mark.parametrize("collect", [True, False])
async def test_failed_rounds_are_done_again_from_where_they_failed(
    bench: Bench, outside: Outside, collect: bool
) -> None:
    nodes = loop(outside, **({"on_failure": "collect"} if collect else {"mode": "in_turn"}))
    outside.refuse(11)
    first = await bench.run(nodes)
    assert first.run.status == ("done" if collect else "failed")
    outside.refuse()
    second, choice = await retried(bench, first)
    assert (choice.taken, choice.rounds, choice.repeats) == (("orders",), ("loop",), ())
    assert second.run.status == "done", second.run.error
    assert second.output("loop") == ["told 10", "told 11", "told 12"]
    assert set(outside.heard().values()) == {1}, "nothing that was good happens again"
    heard = {(node, value) for node, value in outside.heard(second.run.id)}
    assert ("before", '"before 11"') not in heard and ("sent", "11") in heard


async def test_a_loop_whose_source_changes_says_what_would_happen_twice(bench: Bench, outside: Outside) -> None:
    nodes = loop(outside)
    nodes["list"] = {"type": "data.parse_json", "with": {"text": "[10, 11, 12]"}}
    nodes["orders"] = outside.send("{{ list }}", on_error="output")
    outside.refuse(11)
    first = await bench.run(nodes)
    assert first.output("loop") == ["told 10", "told 12"]
    outside.refuse()
    _, choice = await retried(bench, first)
    assert [(one.node, one.times) for one in choice.repeats] == [("loop", 6), ("mail", 2)]
    assert not choice.rounds


async def test_rounds_inside_of_rounds_keep_what_was_done_in_them(bench: Bench, outside: Outside) -> None:
    nodes = {
        "orders": {"type": "data.parse_json", "with": {"text": "[[1, 2], [3, 4, 5]]"}},
        "outer": {"type": "flow.for_each", "with": {"items": "{{ orders }}"}},
        "inner": {"type": "flow.for_each", "with": {"items": "{{ item }}", "mode": "in_turn"}, "in": "outer"},
        "sent": {**outside.send("{{ item }}"), "in": "inner"},
    }
    outside.refuse(4)
    first = await bench.run(nodes)
    assert first.run.status == "failed"
    outside.refuse()
    second, choice = await retried(bench, first)
    assert (second.output("outer"), choice.rounds) == ([[1, 2], [3, 4, 5]], ("outer",))
    assert set(outside.heard().values()) == {1}

"""Which results still hold, and why the others do not; what runs again from there."""

from dataclasses import replace
from typing import Any

import pytest

from engine import document
from engine.catalog import catalog
from engine.graph import Graph
from engine.run import reuse
from engine.run.compiling import compiled
from engine.run.plan import Plan
from engine.run.stale import Kept, Made, fingerprint, stale

BEFORE: dict[str, Any] = {
    "fetch": {"type": "data.parse_json", "with": {"text": "[1]"}, "label": "Fetch orders"},
    "word": {"type": "data.template", "with": {"text": "a {{ fetch }}"}},
    "last": {"type": "data.template", "with": {"text": "b {{ word }}"}},
    "apart": {"type": "data.template", "with": {"text": "c"}},
}


def drawn(**changed: Any) -> Graph:
    nodes = {**BEFORE, **changed}
    return document.load({"weft": 1, "name": "Test", "nodes": {name: one for name, one in nodes.items() if one}})


def planned(**changed: Any) -> Plan:
    return compiled(drawn(**changed), catalog())


def results(graph: Graph | None = None, **changed: Any) -> dict[str, Made]:
    """One run of the drawing, in which all went well."""
    made = {name: Made("r1", graph or drawn(), "done", 10 + place, True) for place, name in enumerate(BEFORE)}
    return {name: one for name, one in {**made, **changed}.items() if one}


def reasons(plan: Plan, made: dict[str, Made], **pins: Kept) -> dict[str, str]:
    return {name: one.reason for name, one in stale(plan, made, pins).items() if one.stale}


FOLLOWS = {"last": "Input changes: Word runs again"}


def test_nothing_is_stale_after_a_run() -> None:
    assert reasons(planned(), results()) == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"with": {"text": "other {{ fetch }}"}}, "Settings changed"),
        ({"on_error": "output"}, "Settings changed"),
        ({"off": True}, "Settings changed"),
        ({"type": "data.set", "with": {"record": {}, "fields": {"a": "{{ fetch }}"}}}, "It is another kind of node"),
    ],
)
def test_a_change_of_a_step_makes_it_and_what_follows_stale(change: dict[str, Any], reason: str) -> None:
    found = reasons(planned(word={**BEFORE["word"], **change}), results())
    assert found == {"word": reason, **FOLLOWS}


def test_what_only_says_how_a_step_is_called_changes_nothing() -> None:
    how = {"note": "why", "limit": 2, "retry": {"times": 1}, "time_limit": 5}
    assert reasons(planned(word={**BEFORE["word"], **how}), results()) == {}


def test_a_new_version_of_a_node_is_named() -> None:
    old = drawn()
    older = old.with_node(old.nodes["word"].model_copy(update={"version": 7}))
    assert reasons(planned(), results(older))["word"] == "New version of the node"


def test_a_step_without_a_result_says_why() -> None:
    made = results()
    assert reasons(planned(new={"type": "data.template", "with": {"text": "x"}}), made) == {"new": "It has not run yet"}
    failed = replace(made["word"], status="failed", good=False)
    assert reasons(planned(), {**made, "word": failed}) == {"word": "It failed last time", **FOLLOWS}
    cut = replace(made["word"], status="cancelled", good=False)
    assert reasons(planned(), {**made, "word": cut})["word"] == "It was cut short last time"
    dry = replace(made["word"], stand_in={"by": "example", "sends": {}})
    assert reasons(planned(), {**made, "word": dry})["word"] == "It was only rehearsed in a dry run"


def test_an_input_that_was_computed_again_since() -> None:
    newer = replace(results()["fetch"], run_id="r2", finished_at=99)
    found = reasons(planned(), results(fetch=newer))
    assert found == {"word": "Input changed: Fetch orders ran again", **FOLLOWS}
    older = replace(results()["fetch"], run_id="r0", finished_at=1)
    assert reasons(planned(), results(fetch=older)) == {}


def test_a_kept_output_holds_until_another_is_kept_or_it_is_let_go() -> None:
    pin = Kept(fingerprint({"main": {"v": 1}}))
    made = results(word=replace(results()["word"], stand_in={"by": "kept", "of": pin.of}))
    assert reasons(planned(), made, word=pin) == {}
    assert reasons(planned(), made, word=Kept("other")) == {"word": "Another output is kept for it", **FOLLOWS}
    assert reasons(planned(), made)["word"] == "Its output is no longer kept"
    assert reasons(planned(), results(), word=Kept("as it was", "r1")) == {}


def test_a_change_inside_of_a_group_makes_the_group_stale() -> None:
    def group(text: str) -> dict[str, Any]:
        return {
            "loop": {"type": "flow.for_each", "with": {"items": "{{ fetch }}"}},
            "inner": {"type": "data.template", "with": {"text": text}, "in": "loop"},
        }

    made = {**results(drawn(**group("a {{ item }}")))}
    made["loop"] = replace(made["word"])
    assert reasons(planned(**group("a {{ item }}")), made) == {}
    assert reasons(planned(**group("b {{ item }}")), made) == {"loop": "Settings inside of it changed"}


def test_what_runs_again_is_closed_downstream() -> None:
    plan = planned()
    everything = frozenset(BEFORE)
    assert reuse.again_from(plan, "r1", everything, {"word"}).taken == ("fetch", "apart")
    assert reuse.again_from(plan, "r1", everything - {"fetch"}, {"last"}).taken == ("apart",)
    assert reuse.upstream(plan, "word") == {"fetch", "word"}
    assert reuse.downstream(plan, {"fetch"}) == {"fetch", "word", "last"}

"""What lies inside the rounds of containers: counted over all of them, or of the one that somebody looks at."""

from typing import Any

import pytest

from app.services import (
    approvals,
    budgets,
    held_values,
    preview,
    rounds,
    run_data,
    runs,
    step_rows,
    step_view,
    unit,
    workflows,
)
from app.services.access import Actor
from app.services.budgets import Budget
from app.services.errors import Invalid, NotFound
from engine.catalog import catalog
from tests.app.services.conftest import Tenants
from tests.engine.bench import Bench

LETTERS: dict[str, Any] = {
    "weft": 1,
    "name": "Letters",
    "nodes": {
        "hand": {"type": "trigger.manual", "with": {}},
        "regions": {
            "type": "flow.for_each",
            "label": "Each region",
            "with": {"items": "{{ hand }}", "on_failure": "collect", "result": "{{ orders }}"},
        },
        "orders": {
            "type": "flow.for_each",
            "in": "regions",
            "label": "Each order",
            "with": {"items": "{{ item.orders }}"},
        },
        "letter": {"type": "data.template", "in": "orders", "with": {"text": "Dear {{ item.name }}"}},
        "size": {
            "type": "data.set",
            "in": "orders",
            "with": {"record": "{{ item }}", "fields": {"n": "{{ 6 // item.n }}"}},
        },
        "head": {"type": "data.template", "in": "regions", "with": {"text": "{{ item.region }}"}},
        "after": {"type": "data.template", "with": {"text": "{{ regions|length }}"}},
    },
}
PAYLOAD = [
    {"region": "North", "orders": [{"name": "Ada", "n": 1}, {"name": "Bo", "n": 2}]},
    {"region": "South", "orders": [{"name": "Cy", "n": 3}, {"name": "Di", "n": 0}, {"name": "Ed", "n": 1}]},
]


async def ran(ada: Actor, bench: Bench) -> tuple[str, str]:
    workflow_id = await unit.ask(workflows.create, ada, "", LETTERS)
    started = await runs.start(ada, workflow_id, trigger="hand", payload=PAYLOAD)
    assert (await bench.finish(started.run_id)).run.status == "done"
    return workflow_id, started.run_id


async def steps(ada: Actor, run_id: str, scope: str = "") -> dict[str, run_data.StepView]:
    return {one.node_id: one for one in await unit.ask(run_data.steps, ada, run_id, scope=scope)}


async def test_what_stands_inside_is_counted_over_all_rounds(ada: Actor, bench: Bench) -> None:
    _, run_id = await ran(ada, bench)
    found = await steps(ada, run_id)
    assert (found["after"].status, found["regions"].status) == ("done", "done")
    assert (found["regions"].counts or {})["total"] == 2 and (found["regions"].counts or {})["failed"] == 1
    assert (found["head"].status, found["head"].counts) == (
        "done",
        {"total": 2, "done": 2, "failed": 0, "rounds": True},
    )
    letters = found["letter"].counts or {}
    assert letters["total"] == letters["done"] + letters["failed"] >= 3 and found["letter"].outputs == {}
    assert found["size"].status == "failed" and (found["size"].counts or {})["failed"] == 1
    assert (found["letter"].container, found["letter"].depth, found["regions"].has_body) == ("orders", 2, True)


async def test_a_scope_singles_rounds_out(ada: Actor, bench: Bench) -> None:
    _, run_id = await ran(ada, bench)
    found = await steps(ada, run_id, "regions.0")
    assert found["head"].outputs == {"main": None} and found["head"].counts is None
    assert found["letter"].counts == {"total": 2, "done": 2, "failed": 0, "rounds": True}
    deep = await steps(ada, run_id, "regions.1/orders.1")
    assert deep["size"].status == "failed" and "size" in str(deep["size"].error)
    value = await unit.ask(run_data.items, ada, run_id, "letter", scope="regions.0/orders.1")
    assert value.items == ["Dear Bo"]
    assert (await unit.ask(run_data.items, ada, run_id, "letter", scope="regions.0")).total == 0
    assert (await unit.ask(run_data.items, ada, run_id, "after", scope="regions.0")).items == ["1"]


@pytest.mark.parametrize("scope", ["orders.0", "regions", "regions.x", "after.0", "regions.0/regions.0", "regions.0/"])
async def test_a_scope_that_leads_nowhere_is_refused(ada: Actor, bench: Bench, scope: str) -> None:
    _, run_id = await ran(ada, bench)
    with pytest.raises(Invalid, match="A scope names containers"):
        await unit.ask(run_data.steps, ada, run_id, scope=scope)


async def test_rounds_come_in_their_order_a_page_at_a_time(ada: Actor, bench: Bench) -> None:
    workflow_id = await unit.ask(
        workflows.create,
        ada,
        "",
        {
            "weft": 1,
            "nodes": {
                "hand": {"type": "trigger.manual"},
                "each": {"type": "flow.for_each", "with": {"items": "{{ hand }}"}},
                "text": {"type": "data.template", "in": "each", "with": {"text": "{{ item }}"}},
            },
        },
    )
    started = await runs.start(ada, workflow_id, trigger="hand", payload=list(range(12)))
    await bench.finish(started.run_id)
    found = await unit.ask(rounds.page, ada, started.run_id, "each", start=8, stop=40)
    assert [(one.index, one.scope, one.status) for one in found] == [(n, f"each.{n}", "done") for n in range(8, 12)]
    with pytest.raises(Invalid, match="at most 200 rounds"):
        await unit.ask(rounds.page, ada, started.run_id, "each", stop=500)
    with pytest.raises(NotFound):
        await unit.ask(rounds.page, ada, started.run_id, "nobody")


async def test_the_editor_looks_at_the_round_that_failed(ada: Actor, bench: Bench) -> None:
    workflow_id, run_id = await ran(ada, bench)
    drawing = (await unit.ask(workflows.get, ada, workflow_id)).graph
    levels = await unit.ask(rounds.chosen, ada, run_id, drawing=drawing, node_id="size", scope="")
    assert [(one.label, one.index, one.total) for one in levels] == [("Each region", 1, 2), ("Each order", 1, 3)]
    assert rounds.path_of(levels) == "regions.1/orders.1"
    other = await unit.ask(rounds.chosen, ada, run_id, drawing=drawing, node_id="size", scope="regions.0/orders.9")
    assert rounds.path_of(other) == "regions.0/orders.1"
    samples = await unit.ask(preview.samples, ada, run_id, list(drawing.nodes), scope="regions.0/orders.0")
    assert samples["letter"]["main"].items == ["Dear Ada"] and samples["head"]["main"].items == ["North"]


async def test_the_timeline_opens_rounds_one_by_one(ada: Actor, bench: Bench) -> None:
    _, run_id = await ran(ada, bench)
    found = await unit.ask(run_data.steps, ada, run_id)

    async def rows(opened: dict[str, int]) -> list[tuple[str, int, str]]:
        tree = await unit.ask(step_rows.tree, ada, run_id, found, opened)
        return [(row["id"], row["depth"], row["fold"]) for row in tree]

    assert await rows({}) == [("hand", 0, ""), ("regions", 0, "shut"), ("after", 0, "")]
    opened = step_rows.toggled({}, "regions", ["regions"])
    assert (await rows(opened))[1:4] == [("regions", 0, "open"), ("@regions.0", 1, "shut"), ("@regions.1", 1, "shut")]
    opened = step_rows.toggled(opened, "@regions.1", ["@regions.1"])
    opened = step_rows.toggled(opened, "orders@regions.1", ["orders@regions.1"])
    assert ("@regions.1/orders.1", 3, "shut") in await rows(opened)
    few = await rows({"regions": 1})
    assert few[2:4] == [("@regions.0", 1, "shut"), ("+regions", 1, "")]
    assert step_rows.toggled({"regions": 1}, "+regions", [])["regions"] == 51
    assert step_rows.toggled(opened, "regions", []).keys() == opened.keys() - {"regions"}
    assert step_rows.toggled({}, "made up", ["regions"]) == {}
    assert step_rows.place_of("letter@regions.0/orders.1") == ("letter", "regions.0/orders.1")
    assert step_rows.place_of("@regions.0/orders.1") == ("orders", "regions.0")


async def test_the_panel_shows_a_step_in_its_round(ada: Actor, bench: Bench) -> None:
    _, run_id = await ran(ada, bench)
    panel = await unit.ask(step_view.step, ada, run_id, "size", scope="regions.1/orders.1")
    assert panel["facts"]["status"] == "failed" and panel["error"]["message"]
    ports = await unit.ask(step_view.ports, ada, run_id, "letter", "output", scope="regions.0/orders.0")
    page = await unit.ask(step_view.page, ada, run_id, ports[0]["value"], 0, scope="regions.0/orders.0")
    assert "Dear Ada" in str(page)


async def test_nobody_else_sees_the_rounds(tenants: Tenants, bench: Bench) -> None:
    _, run_id = await ran(tenants.ada, bench)
    for ask in (run_data.steps, rounds.page):
        extra = ("regions",) if ask is rounds.page else ()
        with pytest.raises(NotFound):
            await unit.ask(ask, tenants.bob, run_id, *extra)  # type: ignore[arg-type]


async def test_previews_know_what_the_containers_around_give(ada: Actor, bench: Bench) -> None:
    workflow_id, run_id = await ran(ada, bench)
    drawing = (await unit.ask(workflows.get, ada, workflow_id)).graph
    samples = await unit.ask(preview.samples, ada, run_id, list(drawing.nodes), scope="regions.0/orders.1")
    given = preview.given(drawing, "letter", {"regions": 0, "orders": 1}, samples)
    assert given == {"item": {"name": "Bo", "n": 2}, "index": 1}
    node = drawing.nodes["letter"]
    found = preview.preview(node, catalog()[node.type], samples, 0, given)
    assert found.lines == {"text": "Dear Bo"} and not found.bad
    unknown = preview.preview(node, catalog()[node.type], {}, 0, {})
    assert not unknown.lines and not unknown.bad


async def test_previews_of_a_repeat_know_the_round_before(ada: Actor, bench: Bench) -> None:
    document = {
        "weft": 1,
        "nodes": {
            "hand": {"type": "trigger.manual"},
            "again": {"type": "flow.repeat", "with": {"start": "{{ hand.n }}", "until": "{{ index >= 2 }}"}},
            "plus": {"type": "data.template", "in": "again", "with": {"text": "{{ previous }}+"}},
        },
    }
    workflow_id = await unit.ask(workflows.create, ada, "", document)
    started = await runs.start(ada, workflow_id, trigger="hand", payload={"n": "1"})
    await bench.finish(started.run_id)
    drawing = (await unit.ask(workflows.get, ada, workflow_id)).graph
    (level,) = await unit.ask(rounds.chosen, ada, started.run_id, drawing=drawing, node_id="plus", scope="again.2")
    assert (level.index, level.total) == (2, 3) and level.before is not None
    before = {"again": await held_values.whole(ada, level.before)}
    assert preview.given(drawing, "plus", {"again": 2}, {}, before) == {"index": 2, "previous": "1++"}
    samples = await unit.ask(preview.samples, ada, started.run_id, list(drawing.nodes), scope="again.0")
    assert preview.given(drawing, "plus", {"again": 0}, samples) == {"index": 0, "previous": "1"}


COUNTED: dict[str, Any] = {
    "weft": 1,
    "name": "Counted",
    "nodes": {
        "hand": {"type": "trigger.manual", "with": {}},
        "count": {"type": "data.counter", "limit": 1, "with": {"name": "n", "by": "{{ hand }}"}},
    },
}


async def test_what_a_pause_cut_short_does_not_run(ada: Actor, bench: Bench) -> None:
    workflow_id = await unit.ask(workflows.create, ada, "", COUNTED)
    await unit.ask(budgets.limit, ada, workflow_id, Budget(steps=3))
    started = await runs.start(ada, workflow_id, trigger="hand", payload=[1] * 20, every_item=True)
    assert await bench.advance(started.run_id) == "paused"
    found = await steps(ada, started.run_id)
    assert (found["count"].status, found["hand"].status) == ("paused", "done")
    assert "running" not in {one.status for one in found.values()}
    (ask,) = await unit.ask(approvals.list_approvals, ada)
    await approvals.decide(ada, ask.id, "end")
    assert "paused" not in {one.status for one in (await steps(ada, started.run_id)).values()}

"""What waits for a person, on the run's page and at home: shown, decided once, gone."""

from typing import Any

from sqlmodel import Session

from app.deciding import Asks
from app.pages.home.state import Home
from app.pages.run.state import RunHead
from app.services import approvals, runs, unit
from engine import launch
from engine.models import Wait
from tests.app.pages.conftest import Somebody, add_run, add_workflow


def put(db: Session, workspace_id: str, run_id: str, **more: Any) -> str:
    detail = {"title": "Refund?", "evidence": {"v": {"refund": 790}}, "people": [], "role": ""}
    row = Wait(
        **{"workspace_id": workspace_id, "run_id": run_id, "node_id": "rows", "kind": "approval", "detail": detail}
        | more
    )
    db.add(row)
    return row.id


async def test_an_approval_is_shown_on_the_runs_page_and_decided(ada: Somebody, bob: Somebody) -> None:
    run_id = unit.call(add_run, ada.actor, unit.call(add_workflow, ada.actor), "waiting")
    ask_id = unit.call(put, ada.actor.workspace_id, run_id)
    await (await ada.tab.at(f"/runs/{run_id}").state(RunHead)).load()
    shown = await ada.tab.state(Asks)
    assert [(one["title"], one["facts"]) for one in shown.open] == [("Refund?", [{"name": "refund", "text": "790"}])]
    foreign = await bob.tab.at(f"/runs/{run_id}").state(Asks)
    foreign._run_id = run_id
    await foreign.decide(ask_id, "approve")
    assert len(await unit.ask(approvals.list_approvals, ada.actor, run_id=run_id)) == 1
    assert shown.needs
    await shown.approve({"id": ask_id, "note": "Paid by card"})
    assert (shown.open, shown.needs) == ([], False)
    wait = await unit.ask(lambda db: db.get(Wait, ask_id))
    assert wait is not None and wait.outcome is not None
    assert (wait.outcome["choice"], wait.outcome["note"]) == ("approve", "Paid by card")
    launch.dispose()


async def test_home_lists_what_needs_me_and_rejecting_asks_why(ada: Somebody) -> None:
    run_id = unit.call(add_run, ada.actor, unit.call(add_workflow, ada.actor), "waiting")
    ask_id = unit.call(put, ada.actor.workspace_id, run_id)
    others = {"title": "Not mine", "people": ["somebody@else.test"], "role": ""}
    unit.call(put, ada.actor.workspace_id, run_id, item="1", detail=others)
    unit.call(put, ada.actor.workspace_id, run_id, item="2", kind="ask", detail={})
    page = await unit.ask(runs.list_runs, ada.actor, asking=True)
    assert [row.id for row in page.runs] == [run_id]
    home = await ada.tab.at("/").state(Home)
    await home.load()
    shown = await ada.tab.state(Asks)
    assert shown.mine[0]["title"] == "Refund?"
    assert [[choice["word"] for choice in one["choices"]] for one in shown.mine] == [
        ["Reject", "Approve"],
        ["Do it again", "It was done", "Fail the step"],
    ]
    assert "2 things need you" in home.summary
    await shown.ask_why(ask_id)
    assert shown.rejecting == ask_id
    await shown.reject({"why": " "})
    assert (shown.rejecting, shown.error) == (ask_id, "Say why it is rejected.")
    await shown.reject({"why": "Too much"})
    assert (shown.rejecting, shown.error) == ("", "")
    assert len(shown.mine) == 1
    await shown.decide(shown.mine[0]["id"], "done")
    page = await unit.ask(runs.list_runs, ada.actor, asking=True)
    assert [row.id for row in page.runs] == [run_id], "somebody else is still asked"
    launch.dispose()


async def test_a_page_that_was_left_does_not_put_its_asks_on_the_next(ada: Somebody) -> None:
    ids = unit.call(add_workflow, ada.actor)
    here, elsewhere = (unit.call(add_run, ada.actor, ids, "waiting") for _ in range(2))
    asked = [unit.call(put, ada.actor.workspace_id, run_id) for run_id in (here, elsewhere)]
    await (await ada.tab.at(f"/runs/{here}").state(RunHead)).load()
    await (await ada.tab.at("/").state(Home)).load()
    shown = await ada.tab.state(Asks)
    assert [one["id"] for one in shown.open] == asked[:1]
    assert [one["id"] for one in shown.mine] == asked

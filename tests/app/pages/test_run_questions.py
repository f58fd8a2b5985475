"""The run page asks what a crash left open, and takes the answer once."""

from sqlmodel import Session

from app.pages.run.question_state import Questions
from app.pages.run.state import RunHead
from app.services import questions, unit
from engine import launch
from engine.models import Wait
from tests.app.pages.conftest import Somebody, add_run, add_workflow


def ask(db: Session, workspace_id: str, run_id: str) -> str:
    row = Wait(workspace_id=workspace_id, run_id=run_id, node_id="rows", item="7", kind="ask")
    db.add(row)
    return row.id


async def test_a_question_is_shown_and_answered(ada: Somebody, bob: Somebody) -> None:
    run_id = unit.call(add_run, ada.actor, unit.call(add_workflow, ada.actor), "waiting")
    question_id = unit.call(ask, ada.actor.workspace_id, run_id)
    await (await ada.tab.at(f"/runs/{run_id}").state(RunHead)).load()
    shown = await ada.tab.state(Questions)
    assert [(one["label"], one["item"]) for one in shown.open] == [("Keep some", "7")]
    foreign = await bob.tab.at(f"/runs/{run_id}").state(Questions)
    foreign._run_id = run_id
    await foreign.answer(question_id, "done")
    assert len(await unit.ask(questions.list_questions, ada.actor, run_id)) == 1
    await shown.answer(question_id, "done")
    assert shown.open == []
    launch.dispose()

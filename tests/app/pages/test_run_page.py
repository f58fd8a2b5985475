"""The run page: its head, its steps as events come in, its results, the panel of one step."""

from dataclasses import replace

from app.pages.run.again_state import Again
from app.pages.run.state import Results, RunHead, RunSteps
from app.pages.run.step_state import StepPanel
from app.services import run_view, unit
from app.services.run_data import StepView
from engine.events import Event
from engine.models import Run
from tests.app.pages.conftest import ROWS, Somebody, add_run, add_workflow

ERROR = {"message": "Too many requests (429)", "hint": "Wait.", "node": "rows", "label": "Keep some", "item": "7"}


def _event(run_id: str, seq: int, status: str, **more: object) -> Event:
    return Event(run_id, "ws", seq, "step", status, 1_000_000 + seq, **{"node_id": "rows", **more})  # type: ignore[arg-type]


async def _open(who: Somebody, status: str = "done", **columns: object) -> tuple[str, RunHead]:
    run_id = unit.call(add_run, who.actor, unit.call(add_workflow, who.actor), status, **columns)
    head = await who.tab.at(f"/runs/{run_id}").state(RunHead)
    await head.load()
    return run_id, head


async def test_a_run_that_is_done_shows_facts_steps_and_results(ada: Somebody) -> None:
    _, head = await _open(ada)
    steps, results = await ada.tab.state(RunSteps), await ada.tab.state(Results)
    assert head.ended
    assert head.progress["steps"] == "3 of 3"
    assert [(row["id"], row["status"]) for row in steps.rows] == [
        ("messages", "done"),
        ("rows", "done"),
        ("out", "done"),
    ]
    assert steps.rows[1]["items"] == "120 items"
    (table,) = results.shown
    assert table["kind"] == "table"
    assert table["view"]["shown"] == "1 to 50 of 120"
    assert table["doubtful_text"] == "Check these (12)"


async def test_results_turn_pages_and_narrow_to_what_should_be_checked(ada: Somebody) -> None:
    await _open(ada)
    results = await ada.tab.state(Results)
    await results.turn("out", 100)
    view = results.shown[0]["view"]
    assert (view["shown"], len(view["rows"]), view["has_after"]) == ("101 to 120 of 120", 20, False)
    await results.narrow("out", True)
    view = results.shown[0]["view"]
    assert view["shown"] == "1 to 12 of 12"
    assert {row["mark"] for row in view["rows"]} == {"Check this"}
    await results.turn("no such node", 0)
    await results.turn("out", "nonsense")  # type: ignore[arg-type]
    assert results.shown[0]["view"] == view


async def test_a_failed_run_says_what_where_and_what_to_do(ada: Somebody) -> None:
    _, head = await _open(ada, "failed", error=ERROR)
    assert (head.failure["message"], head.failure["hint"]) == (ERROR["message"], ERROR["hint"])
    assert head.failure["where"] == "Keep some, item 8"
    panel = await ada.tab.state(StepPanel)
    assert (panel.open, panel.by_itself, panel.side, panel.facts["id"]) == (True, True, "error", "rows")


async def test_events_arrive_as_patches_of_the_rows_that_changed(ada: Somebody) -> None:
    run_id, head = await _open(ada, "running")
    steps = await ada.tab.state(RunSteps)
    whole, sent = steps.rev, steps.patch_seq
    counts = {"total": 5000, "done": 1284, "failed": 2}
    await head._heard([_event(run_id, 4, "running", counts=counts), _event(run_id, 5, "running", item="0-255")])
    assert steps.rev == whole, "the whole list was sent again"
    assert (steps.patch_seq, len(steps.patch)) == (sent + 1, 1)
    assert (steps.patch[0]["id"], steps.patch[0]["items"]) == ("rows", "1,286 of 5,000, 2 failed")
    await head._heard([_event(run_id, 4, "failed")])
    assert steps.patch_seq == sent + 1, "an event that was known already was applied"


async def test_a_gap_in_the_events_makes_the_page_read_the_rows(ada: Somebody) -> None:
    run_id, head = await _open(ada, "running")

    def finish(db: object) -> None:
        run = db.get(Run, run_id)  # type: ignore[attr-defined]
        run.status, run.seq = "done", 9

    unit.call(finish)  # type: ignore[arg-type]
    await head._heard([_event(run_id, 9, "done")])
    assert head.ended
    assert head.head["status"] == "done"


async def test_a_foreign_run_does_not_exist(ada: Somebody, bob: Somebody) -> None:
    run_id, _ = await _open(ada)
    head = await bob.tab.at(f"/runs/{run_id}").state(RunHead)
    await head.load()
    assert head.missing
    assert not head.head
    panel = await bob.tab.state(StepPanel)
    assert "does not exist" in str(await panel.choose("rows"))
    assert not panel.open


async def test_the_panel_pages_what_went_in_and_out(ada: Somebody) -> None:
    await _open(ada)
    panel = await ada.tab.state(StepPanel)
    await panel.choose("rows")
    assert panel.ports == [{"value": "rows/main", "label": "Output (120)"}]
    assert panel.view["rows"][0]["cells"][0]["text"] == ROWS[0]["Message"]
    await panel.turn(50)
    assert panel.view["shown"] == "51 to 100 of 120"
    await panel.turn_to("input")
    assert [port["label"] for port in panel.ports] == ["Messages: Output (120)"]
    await panel.turn_to("elsewhere")
    assert panel.side == "input"
    await panel.show_port("out/main")
    assert panel.port == "messages/main"


async def test_run_again_starts_the_same_version_with_the_same_input(ada: Somebody) -> None:
    run_id, _ = await _open(ada)
    again = await ada.tab.state(Again)
    answer = str(await again.again())
    assert "/runs/" in answer
    assert run_id not in answer


async def test_a_run_without_failures_offers_no_retry_and_says_so(ada: Somebody) -> None:
    _, head = await _open(ada)
    assert (head.head["failed"], head.head["dry"], head.head["again_of"]) == (0, False, [])
    again = await ada.tab.state(Again)
    assert "Nothing failed" in str(await again.retry())
    again.asked, again.repeats = True, [{"node": "out"}]
    await again.close()
    assert (again.asked, again.repeats) == (False, [])


async def test_a_step_that_was_not_called_says_why(ada: Somebody) -> None:
    sends = {"method": "POST", "url": "https://x.test/", "headers": {"a": "b"}, "body": {"n": 1}}
    view = StepView(**{**dict.fromkeys(StepView.__slots__), "stand_in": {"by": "last_run", "sends": sends}})
    told = run_view.came_from(view)
    assert told["title"] == "Not sent: this is a dry run"
    assert told["sends"].splitlines()[:2] == ["POST https://x.test/", "a: b"]
    assert '"n": 1' in told["sends"]
    assert run_view.came_from(replace(view, stand_in={"by": "kept"}))["title"] == "Kept output"
    reused = run_view.came_from(replace(view, stand_in=None, reused_from="0" * 26 + "abcdef"))
    assert (reused["title"], reused["run"]) == ("Reused", "…abcdef")
    assert run_view.came_from(replace(view, stand_in=None))["title"] == ""


async def test_a_run_that_has_ended_cannot_be_cancelled(ada: Somebody) -> None:
    _, head = await _open(ada)
    assert "ended already" in str(await head.cancel())

"""Home, workflows and runs: what the lists show, to whom, and what can be done from them."""

from app.pages.home.state import Home
from app.pages.runs.state import PAGE, Runs
from app.pages.workflows.budget_state import RunBudget
from app.pages.workflows.state import Import, Workflows
from app.services import unit
from tests.app.pages.conftest import Somebody, add_run, add_workflow
from tests.app.pages.test_asks import put

ERROR = {"message": "Too many requests (429)", "hint": "Wait.", "node": "rows", "label": "Keep some", "item": "7"}


async def test_home_says_what_failed_and_what_runs(ada: Somebody) -> None:
    failed = unit.call(add_workflow, ada.actor, "Nightly sync")
    run_id = unit.call(add_run, ada.actor, failed, "failed", error=ERROR)
    busy = unit.call(add_workflow, ada.actor, "Enrich leads")
    unit.call(add_run, ada.actor, busy, "running")
    home = await ada.tab.at("/").state(Home)
    await home.load()
    assert [(card["title"], card["href"]) for card in home.attention] == [("“Nightly sync” failed", f"/runs/{run_id}")]
    assert home.attention[0]["text"] == ERROR["message"]
    assert [one["name"] for one in home.running] == ["Enrich leads"]
    assert {one["name"] for one in home.workflows} == {"Nightly sync", "Enrich leads"}
    assert "1 thing needs you" in home.summary


async def test_home_of_another_workspace_shows_nothing_of_it(ada: Somebody, bob: Somebody) -> None:
    unit.call(add_run, ada.actor, unit.call(add_workflow, ada.actor), "failed", error=ERROR)
    home = await bob.tab.at("/").state(Home)
    await home.load()
    assert not home.workflows
    assert not home.attention


async def test_workflows_are_found_copied_deleted_and_brought_back(ada: Somebody) -> None:
    workflow_id, _ = unit.call(add_workflow, ada.actor, "Sort messages")
    unit.call(add_workflow, ada.actor, "Enrich leads")
    page = await ada.tab.at("/workflows").state(Workflows)
    await page.load()
    await page.find("SORT")
    assert [row["name"] for row in page.rows] == ["Sort messages"]
    assert "/w/" in str(await page.duplicate(workflow_id))
    await page.find("")
    assert {row["name"] for row in page.rows} == {"Sort messages", "Sort messages (copy)", "Enrich leads"}
    await page.ask(workflow_id, "Sort messages")
    await page.delete()
    assert workflow_id not in {row["id"] for row in page.rows}
    trash = await ada.tab.at("/workflows?trash=1").state(Workflows)
    await trash.load()
    assert [row["id"] for row in trash.rows] == [workflow_id]
    await trash.restore(workflow_id)
    assert not trash.rows


async def test_a_foreign_workflow_cannot_be_copied_or_deleted(ada: Somebody, bob: Somebody) -> None:
    workflow_id, _ = unit.call(add_workflow, ada.actor)
    page = await bob.tab.at("/workflows").state(Workflows)
    assert "does not exist" in str(await page.duplicate(workflow_id))
    await page.ask(workflow_id, "x")
    assert "does not exist" in str(await page.delete())
    mine = await ada.tab.at("/workflows").state(Workflows)
    await mine.load()
    assert [row["id"] for row in mine.rows] == [workflow_id]


async def test_an_import_says_what_is_wrong_and_makes_what_is_right(ada: Somebody) -> None:
    page = await ada.tab.at("/workflows?import=1").state(Import)
    await page.load()
    assert page.open
    await page.make()
    assert page.error == "Paste a document or choose a file first."
    await page.write("weft: 1\nname: Broken\nnodes:\n  A: {type: no.such}\n")
    await page.make()
    assert page.open
    assert page.problems
    await page.write("weft: 1\nname: Size it\nnodes:\n  start: {type: trigger.manual}\n")
    assert "/w/" in str(await page.make())
    assert not page.open


async def test_runs_are_filtered_and_paged_by_cursor(ada: Somebody, bob: Somebody) -> None:
    ids = unit.call(add_workflow, ada.actor)
    for _ in range(PAGE + 3):
        unit.call(add_run, ada.actor, ids)
    failed = unit.call(add_run, ada.actor, ids, "failed", error=ERROR)
    page = await ada.tab.at("/runs").state(Runs)
    await page.load()
    assert len(page.rows) == PAGE
    assert page.has_more
    await page.more()
    assert len({row["id"] for row in page.rows}) == PAGE + 4
    assert not page.has_more
    only = await ada.tab.at("/runs?show=failed").state(Runs)
    await only.load()
    assert [(row["id"], row["error"]) for row in only.rows] == [(failed, ERROR["message"])]
    await only.find("nothing like this")
    assert not only.rows
    other = await bob.tab.at("/runs").state(Runs)
    await other.load()
    assert not other.rows


async def test_what_did_not_change_is_not_sent_again(ada: Somebody) -> None:
    ids = unit.call(add_workflow, ada.actor)
    unit.call(add_run, ada.actor, ids)
    pages = [await ada.tab.at("/").state(kind) for kind in (Home, Workflows, Runs)]
    for page in pages:
        await page.load()  # type: ignore[attr-defined]
        page._clean()
        await page._heard(())  # type: ignore[attr-defined]
        assert not {name for name in page.dirty_vars if not name.startswith("_")}, type(page).__name__
    unit.call(add_run, ada.actor, ids, "running")
    for page in pages:
        await page._heard(())  # type: ignore[attr-defined]
        assert page.dirty_vars, type(page).__name__


async def test_lists_say_which_runs_need_me_and_count_what_is_under_way(ada: Somebody, bob: Somebody) -> None:
    ids = unit.call(add_workflow, ada.actor, "Refunds")
    mine, others = (unit.call(add_run, ada.actor, ids, "waiting") for _ in range(2))
    unit.call(add_run, ada.actor, ids, "paused")
    unit.call(put, ada.actor.workspace_id, mine)
    unit.call(put, ada.actor.workspace_id, others, detail={"title": "Not mine", "people": ["x@else.test"], "role": ""})
    page = await ada.tab.at("/runs").state(Runs)
    await page.load()
    assert {row["id"]: row["status"] for row in page.rows if row["status"] != "paused"} == {
        mine: "asking",
        others: "waiting",
    }
    assert page.counts == {"running": "2", "paused": "1", "needs": "2"}
    theirs = await bob.tab.at("/runs").state(Runs)
    await theirs.load()
    assert theirs.counts == {}
    newest = unit.call(add_run, ada.actor, ids, "waiting")
    unit.call(put, ada.actor.workspace_id, newest)
    for page_of in (Home, Workflows):
        lists = await ada.tab.at("/").state(page_of)
        await lists.load()
        rows = lists.workflows if isinstance(lists, Home) else lists.rows
        assert [row["last_status"] for row in rows] == ["asking"]


async def test_the_search_at_home_leads_to_the_workflows_it_means(ada: Somebody) -> None:
    for name in ("Sort & file", "Enrich leads"):
        unit.call(add_workflow, ada.actor, name)
    home = await ada.tab.at("/").state(Home)
    assert "/workflows?search=sort+%26" in str(await home.search({"search": "sort &"}))
    page = await ada.tab.at("/workflows?search=sort+%26").state(Workflows)
    await page.load()
    assert ([row["name"] for row in page.rows], page.sought) == (["Sort & file"], "sort &")


async def test_a_dialog_that_was_left_open_is_shut_when_its_page_is_loaded_again(ada: Somebody) -> None:
    workflow_id, _ = unit.call(add_workflow, ada.actor)
    page = await ada.tab.at("/workflows").state(Workflows)
    await page.ask(workflow_id, "Sort messages")
    budget = await ada.tab.state(RunBudget)
    await budget.show(workflow_id, "Sort messages")
    assert budget.workflow_id == workflow_id
    await page.load()
    assert (page.asked["id"], budget.workflow_id) == ("", "")

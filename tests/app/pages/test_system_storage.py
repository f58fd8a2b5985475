"""The System page's storage: sizes of one's own workspace, and bounds set in the dialog."""

import io

from app.pages.system.storage_state import DEFAULT, Keeping
from app.services import files, retention, unit
from app.services.retention import Kept
from tests.app.pages.conftest import Somebody, Tab, add_run, add_workflow, sign_in
from tests.app.services.conftest import person


async def test_sizes_are_shown_and_bounds_are_set_and_taken_back(ada: Somebody, bob: Somebody) -> None:
    pair = unit.call(add_workflow, ada.actor, "Large")
    for _ in range(3):
        unit.call(add_run, ada.actor, pair, "done")
    unit.call(files.upload, ada.actor, io.BytesIO(b"twelve bytes"), "a.txt", "text/plain")
    page = await ada.tab.at("/system").state(Keeping)
    await page.load()
    assert [(one["workflow"], one["runs"], one["kept"], one["goes"]) for one in page.sizes] == [
        ("Large", "3", "everything", "nothing")
    ]
    assert page.uploads == "1 uploaded file, 12 bytes."
    await page.edit(pair[0], "Large", False)
    await page.save({"days": "", "runs": "many", "bytes": ""})
    assert page.errors["runs"]
    await page.save({"days": "0", "runs": "", "bytes": ""})
    assert page.errors["days"]
    await page.save({"days": "1.5", "runs": "2", "bytes": "250"})
    assert not page.editing
    assert unit.call(retention.of_workflow, ada.actor, pair[0]) == Kept(1.5, 2, 250_000_000)
    assert [(one["kept"], one["own"]) for one in page.sizes] == [("1.5 days, 2 runs, 250 MB", True)]
    assert page.sizes[0]["goes"].startswith("1 run, ")
    await page.edit(DEFAULT, "all workflows", False)
    await page.save({"days": "30"})
    assert page.default == "30 days"
    await page.edit(pair[0], "Large", True)
    assert page.values == {"days": "1.5", "runs": "2", "bytes": "250"}
    await page.use_default()
    assert unit.call(retention.of_workflow, ada.actor, pair[0]) == Kept(30)
    theirs = await bob.tab.at("/system").state(Keeping)
    await theirs.load()
    assert theirs.sizes == []


async def test_an_editor_sees_and_sets_nothing(ada: Somebody) -> None:
    unit.call(add_workflow, ada.actor, "Large")
    editor = unit.call(person, "editor", ada.actor.workspace_id)
    page = await Tab(unit.call(sign_in, editor)).at("/system").state(Keeping)
    await page.load()
    assert page.sizes == []
    await page.edit(DEFAULT, "all workflows", False)
    await page.save({"days": "1"})
    assert unit.call(retention.report, ada.actor).retention == Kept()

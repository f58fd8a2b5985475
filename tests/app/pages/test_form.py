"""The published form, for somebody whom nobody knows."""

import io

from app.pages.form.state import Form, Outcome
from app.services import files, forms, runs, unit, versions, workflows
from tests.app.pages.conftest import Somebody, Tab

DOCUMENT = {
    "weft": 1,
    "name": "Sort messages",
    "nodes": {
        "file": {
            "type": "flow.input",
            "with": {"name": "file", "kind": "file", "label": "Messages", "required": True},
        },
        "departments": {
            "type": "flow.input",
            "with": {
                "name": "departments",
                "kind": "rows",
                "label": "Departments",
                "required": False,
                "columns": [{"name": "name"}, {"name": "examples", "kind": "list"}],
                "default": [{"name": "Cards", "examples": ["My card is lost", "New card"]}],
            },
        },
        "limit": {
            "type": "flow.input",
            "with": {"name": "limit", "kind": "number", "label": "Limit", "required": False, "default": 10},
        },
        "out": {"type": "flow.output", "with": {"value": "{{ departments }}", "name": "departments"}},
    },
}
CSV = b"text,mood\n" + b"".join(b"message %d,good\n" % i for i in range(1200))


def _publish(who: Somebody) -> tuple[str, str]:
    workflow_id = unit.call(workflows.create, who.actor, "", DOCUMENT)
    unit.call(versions.publish, who.actor, workflow_id, "first")
    return workflow_id, unit.call(forms.publish_form, who.actor, workflow_id)


async def _open(token: str) -> tuple[Tab, Form]:
    tab = Tab().at(f"/f/{token}")
    form = await tab.state(Form)
    await form.load()
    return tab, form


async def _submit(form: Form, filled: dict[str, str]) -> None:
    async for _ in form.submit(filled):
        pass


async def test_fields_come_from_the_input_nodes(ada: Somebody) -> None:
    _, token = _publish(ada)
    _, form = await _open(token)
    assert [(one["name"], one["kind"]) for one in form.fields] == [
        ("file", "file"),
        ("departments", "rows"),
        ("limit", "number"),
    ]
    assert form.fields[2]["text"] == "10"
    assert form.fields[1]["rows"][0]["cells"][1]["value"] == "My card is lost\nNew card"


async def test_a_file_is_told_by_its_rows_and_columns(ada: Somebody) -> None:
    _, token = _publish(ada)
    kept = await forms.upload(token, io.BytesIO(CSV), "messages.csv", "text/csv", "192.0.2.1")
    _, form = await _open(token)
    await form.take_file("file", files.reference(kept))
    assert form.fields[0]["file"] == {
        "name": "messages.csv",
        "said": "1,200 rows, columns “text”, “mood”",
        "rows": 1200,
    }
    await form.take_file("file", {"$file": "0" * 64, "name": "x"})
    assert form.fields[0]["file"]["name"] == "messages.csv", "a file that is not there replaced one that is"


async def test_what_is_missing_is_told_at_its_field(ada: Somebody) -> None:
    _, token = _publish(ada)
    tab, form = await _open(token)
    await _submit(form, {})
    assert "Messages" in form.errors["file"]
    assert not form.busy
    assert (await tab.state(Outcome)).status == ""


async def test_a_submission_runs_with_rows_and_numbers_as_they_were_typed(ada: Somebody) -> None:
    workflow_id, token = _publish(ada)
    kept = await forms.upload(token, io.BytesIO(CSV), "messages.csv", "text/csv", "192.0.2.1")
    tab, form = await _open(token)
    await form.take_file("file", files.reference(kept))
    await form.add_row("departments")
    first, second = (row["id"] for row in form.fields[1]["rows"])
    await _submit(
        form,
        {
            "limit": "25",
            f"departments.{first}.name": "Cards",
            f"departments.{first}.examples": "One\n\n Two ",
            f"departments.{second}.name": "Cash",
        },
    )
    assert not form.errors
    assert not form.error
    outcome = await tab.state(Outcome)
    assert outcome.status == "queued"
    run = unit.call(runs.find, ada.actor, outcome._run_id)
    assert run.workflow_id == workflow_id
    assert run.input["inputs"]["limit"] == 25
    assert run.input["inputs"]["departments"] == [
        {"name": "Cards", "examples": ["One", "Two"]},
        {"name": "Cash", "examples": []},
    ]
    await form.remove_row("departments", second)
    assert len(form.fields[1]["rows"]) == 1


async def test_a_closed_form_says_so_and_shows_no_results(ada: Somebody) -> None:
    workflow_id, token = _publish(ada)
    unit.call(forms.unpublish_form, ada.actor, workflow_id)
    tab, form = await _open(token)
    assert form.missing
    outcome = await tab.state(Outcome)
    outcome._token, outcome._run_id = token, "0" * 32
    outcome.shown = [{"node_id": "out", "only_doubtful": False, "view": {}}]
    try:
        await outcome.turn("out", 0)
    except Exception as refusal:
        assert "does not exist" in str(refusal)
    assert outcome.shown[0]["view"] == {}

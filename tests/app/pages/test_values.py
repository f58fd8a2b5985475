"""The page of stored values, without a browser."""

import pytest

from app.pages.values.state import ValueForm, Values, _is_plain, _value
from app.services import stored_values, unit, workflows
from tests.app.pages.conftest import DOCUMENT, Somebody


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ('"7"', "7"), ("seven", "seven"), ("[1, 2", "[1, 2"), ('{"a": null}', {"a": None}), ("", ""),
     ("NaN", "NaN"), ("[" * 5000, "[" * 5000)],
)  # fmt: skip
def test_json_is_its_value_and_anything_else_a_text(text: str, value: object) -> None:
    assert _value(text) == value


@pytest.mark.parametrize("value", ["seven", "", "two\nlines", "[1", "NaN"])
def test_a_text_that_stands_for_itself_is_shown_as_it_is(value: str) -> None:
    assert _is_plain(value)
    assert not _is_plain("7") and not _is_plain('"quoted"') and not _is_plain(7)


async def test_a_value_is_added_changed_and_forgotten(ada: Somebody) -> None:
    workflow_id = await unit.ask(workflows.create, ada.actor, "", DOCUMENT)
    ada.tab.at(f"/workflows/{workflow_id}/values")
    page, form = await ada.tab.state(Values), await ada.tab.state(ValueForm)
    await page.load()
    assert (page.name, page.own, page.missing) == ("Sort messages", [], False)

    await form.begin("", "workflow")
    await form.save({"value_name": "n", "value_text": "41", "value_scope": "workflow"})
    assert [(row["name"], row["value"], row["run"]) for row in page.own] == [("n", "41", "")]
    assert not form.open

    await form.begin("n", "workflow")
    assert form.text == "41"
    await form.save({"value_text": '"text"'})
    assert page.own[0]["value"] == '"text"'

    await form.begin("", "workflow")
    await form.save({"value_name": " ", "value_text": "1"})
    assert form.open and "name has 1 to 120" in form.error

    await page.ask("n", "workflow")
    await page.forget()
    assert page.own == []


async def test_trial_runs_are_another_list_and_a_strange_address_says_so(ada: Somebody) -> None:
    workflow_id = await unit.ask(workflows.create, ada.actor, "", DOCUMENT)
    await unit.ask(stored_values.put, ada.actor, workflow_id, "t", 1, trial=True)
    await unit.ask(stored_values.put, ada.actor, workflow_id, "s", 1, scope="workspace", trial=True)
    ada.tab.at(f"/workflows/{workflow_id}/values?runs=trial")
    page = await ada.tab.state(Values)
    await page.load()
    assert ([row["name"] for row in page.own], [row["name"] for row in page.shared]) == (["t"], ["s"])
    ada.tab.at(f"/workflows/{'0' * 32}/values")
    await page.load()
    assert page.missing

"""A node goes into a wire: with the wire's plus, from the palette, dragged, and from the keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.editing import Editor


@pytest.fixture
def editor(signed_in: Page) -> Iterator[Editor]:
    yield Editor(signed_in).open()


def wire(editor: Editor, name: str) -> Locator:
    return editor.page.locator(f'.react-flow__edge[data-id="{name}"]')


def test_the_plus_of_a_wire_adds_a_node_in_its_middle_and_makes_room(editor: Editor) -> None:
    before = editor.document()["layout"]
    middle = editor.at_rest(wire(editor, "orders.main>largest.rows"))
    editor.page.mouse.move(middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2)
    editor.page.get_by_role("button", name="Add a node between orders and largest").click()
    search = editor.page.get_by_role("combobox", name="Find a node")
    expect(editor.page.get_by_text("Only what takes this value is offered")).to_be_visible()
    search.fill("unique")
    editor.page.keyboard.press("Enter")
    expect(wire(editor, "unique.main>largest.rows")).to_be_attached()
    expect(editor.field("rows").locator(".ref")).to_contain_text("Orders")
    editor.saved()
    after = editor.document()
    assert after["nodes"]["unique"]["with"] == {"rows": "{{ orders }}"}
    assert after["nodes"]["largest"]["with"]["rows"] == "{{ unique }}"
    assert after["layout"]["unique"][0] + 236 < after["layout"]["largest"][0]
    assert after["layout"]["shown"][0] - before["shown"][0] == after["layout"]["largest"][0] - before["largest"][0]
    editor.page.get_by_role("button", name="Undo").click()
    expect(editor.card("unique")).to_have_count(0)
    editor.saved()
    assert editor.document()["layout"] == before


def test_a_node_is_dropped_on_a_wire(editor: Editor) -> None:
    end = editor.at_rest(wire(editor, "largest.main>route.value"))
    pane = editor.at_rest(editor.page.locator(".react-flow__pane"))
    editor.page.locator('.fc-pal[data-type="data.limit"]').drag_to(
        editor.page.locator(".react-flow__pane"),
        target_position={
            "x": end["x"] + end["width"] / 2 - pane["x"],
            "y": end["y"] + end["height"] / 2 - pane["y"],
        },
        force=True,
    )
    expect(wire(editor, "limit.main>route.value")).to_be_attached()
    editor.saved()
    assert editor.document()["nodes"]["limit"]["with"] == {"rows": "{{ largest }}"}


def test_a_loose_node_is_dragged_onto_a_wire_and_one_that_hangs_on_something_is_not_put_there(editor: Editor) -> None:
    editor.page.locator('.fc-pal[data-type="data.unique"]').click()
    expect(editor.card("unique")).to_be_visible()
    editor.drag(editor.card("unique").locator("header"), wire(editor, "largest.main>route.value"))
    expect(wire(editor, "unique.main>route.value")).to_be_attached()
    editor.saved()
    assert editor.document()["nodes"]["unique"]["with"] == {"rows": "{{ largest }}"}
    editor.drag(editor.card("unique").locator("header"), wire(editor, "orders.main>largest.rows"))
    editor.saved()
    assert editor.document()["nodes"]["largest"]["with"]["rows"] == "{{ orders }}"


def test_a_wire_takes_a_node_from_the_keyboard(editor: Editor) -> None:
    chosen = wire(editor, "orders.main>largest.rows")
    chosen.focus()
    editor.page.keyboard.press("Enter")
    editor.page.get_by_role("combobox", name="Find a node").fill("unique")
    editor.page.keyboard.press("Enter")
    expect(wire(editor, "unique.main>largest.rows")).to_be_attached()

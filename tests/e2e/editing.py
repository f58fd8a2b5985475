"""What the browser tests of the editor share: a small workflow, and hands for the canvas."""

from typing import Any

from playwright.sync_api import FloatRect, Locator, Page, expect

ORDERS: dict[str, Any] = {
    "weft": 1,
    "name": "Big orders",
    "nodes": {
        "orders": {
            "type": "flow.input",
            "label": "Orders",
            "with": {
                "name": "orders",
                "kind": "rows",
                "default": [{"id": n, "amount": n * 37 % 200} for n in range(1, 31)],
                "columns": [{"name": "id", "kind": "number"}, {"name": "amount", "kind": "number"}],
            },
        },
        "largest": {
            "type": "data.sort",
            "label": "Largest first",
            "with": {"rows": "{{ orders }}", "by": ["amount"], "descending": True},
        },
        "route": {
            "type": "flow.router",
            "label": "Big ones apart",
            "with": {"value": "{{ largest }}", "rules": [{"name": "Big", "when": "{{ value.amount > 100 }}"}]},
        },
        "shown": {
            "type": "flow.output",
            "label": "Result",
            "with": {"value": "{{ route.big }}", "name": "result", "show": "table"},
        },
    },
    "layout": {"orders": [0, 0], "largest": [286, 0], "route": [572, 0], "shown": [858, 0]},
}


class Editor:
    """The editor of one workflow in one tab."""

    def __init__(self, page: Page, document: dict[str, Any] | None = None, workflow_id: str = "") -> None:
        self.page = page
        self.workflow_id = workflow_id or self._create(document or ORDERS)

    def _create(self, document: dict[str, Any]) -> str:
        answer = self.page.request.post("/api/v1/workflows", data=document)
        assert answer.ok, answer.text()
        return str(answer.json()["id"])

    def open(self) -> "Editor":
        self.page.goto(f"/w/{self.workflow_id}")
        expect(self.page.get_by_test_id("saved")).to_contain_text("Saved")
        expect(self.page.locator('.fc-pal[data-type="data.sort"]')).to_be_attached()
        return self

    def document(self) -> dict[str, Any]:
        """The draft as the server has it."""
        answer = self.page.request.get(f"/api/v1/workflows/{self.workflow_id}", headers={"Accept": "application/json"})
        assert answer.ok, answer.text()
        found: dict[str, Any] = answer.json()
        return found

    def card(self, node: str) -> Locator:
        return self.page.locator(f'.react-flow__node[data-id="{node}"]')

    def wires(self) -> Locator:
        return self.page.locator(".react-flow__edge")

    def port(self, node: str, name: str, side: str) -> Locator:
        return self.card(node).locator(f'.react-flow__handle.{side}[data-handleid="{name}"]')

    def field(self, name: str) -> Locator:
        return self.page.locator(f'[data-field="{name}"]')

    def saved(self) -> None:
        expect(self.page.get_by_test_id("saved")).to_contain_text("Saved")

    def select(self, node: str) -> None:
        self.card(node).locator("header").click()
        expect(self.page.locator("#inspector")).to_be_visible()

    def tab(self, name: str) -> None:
        """Open a tab of the inspector, and wait for the server's answer."""
        tab = self.page.get_by_role("tab", name=name, exact=True)
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")

    def at_rest(self, what: Locator) -> FloatRect:
        """Where it stands once the last edit is saved and the view has stopped moving, as a hand waits for that too."""
        self.saved()
        box = what.bounding_box()
        for _ in range(50):
            self.page.wait_for_timeout(200)
            before, box = box, what.bounding_box()
            if box is not None and box == before:
                return box
        raise AssertionError("it does not come to rest")

    def drag(self, start: Locator, end: Locator) -> None:
        """From the middle of one thing to the middle of another, as a hand does it."""
        first, last = self.at_rest(start), self.at_rest(end)
        mouse = self.page.mouse
        mouse.move(first["x"] + first["width"] / 2, first["y"] + first["height"] / 2)
        mouse.down()
        mouse.move(first["x"] + 40, first["y"] + 40, steps=4)
        mouse.move(last["x"] + last["width"] / 2, last["y"] + last["height"] / 2, steps=12)
        mouse.up()

"""What browser tests prepare by REST, as the person whose cookie the page's context holds."""

from typing import Any

from playwright.sync_api import APIRequestContext, APIResponse

QUICK: dict[str, Any] = {
    "weft": 1,
    "name": "Greet",
    "nodes": {
        "name": {"type": "flow.input", "with": {"name": "name", "label": "Name", "default": "Ada"}},
        "text": {"type": "data.template", "label": "Write", "with": {"text": "Hello {{ name }}"}},
        "out": {"type": "flow.output", "with": {"value": "{{ text }}", "name": "greeting", "label": "Greeting"}},
    },
}


def _done(answer: APIResponse) -> Any:
    assert answer.ok, answer.text()
    return answer.json()


def add_workflow(request: APIRequestContext, document: dict[str, Any]) -> str:
    """A workflow with this document as its draft; returns its id."""
    made: str = _done(request.post("/api/v1/workflows", data=document))["id"]
    return made


def start(request: APIRequestContext, workflow_id: str, wait: float = 0, **body: Any) -> dict[str, Any]:
    """Start the draft; with ``wait`` return when it has ended."""
    address = f"/api/v1/workflows/{workflow_id}/runs" + (f"?wait={wait:g}" if wait else "")
    started: dict[str, Any] = _done(request.post(address, data={"use": "draft", **body}))
    return started

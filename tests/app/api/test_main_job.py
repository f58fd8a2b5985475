"""The main job three ways: from the editor, from the published form, and by REST; the same result each time."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from app.services import forms, run_data, runs, templates, unit, versions
from engine.settings import CHECKOUT
from tests.app.api.conftest import Caller

SAMPLE = CHECKOUT / "templates" / "samples" / "messages.csv"
LINES = 120
LONGEST = 100.0

pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.timeout(240)]


async def ended(who: Caller, run_id: str) -> str:
    async with asyncio.timeout(LONGEST):
        while (detail := await unit.ask(runs.get, who.actor, run_id)).row.status not in ("done", "failed"):
            await asyncio.sleep(0.1)
    assert detail.row.status == "done", detail
    return run_id


async def shown(who: Caller, run_id: str) -> dict[str, Any]:
    """The results by name; the workbook as its sheets."""
    values = {}
    for result in await unit.ask(run_data.results, who.actor, run_id):
        value = result.value
        if result.total is not None and isinstance(value, list) and len(value) < result.total:
            page = await unit.ask(
                run_data.items, who.actor, run_id, result.node_id, side="output", start=0, stop=result.total
            )
            value = page.items
        if isinstance(value, dict) and "$file" in value:
            content = (await who.client.get(f"/api/v1/files/{value['$file']}")).content
            book = CalamineWorkbook.from_filelike(io.BytesIO(content))
            value = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
        values[result.name] = value
    return values


async def test_three_ways_give_the_same(ada: Caller) -> None:
    workflow_id = await unit.ask(templates.use, ada.actor, "sort_customer_messages")
    await unit.ask(versions.publish, ada.actor, workflow_id, "")
    text = "".join(SAMPLE.read_text().splitlines(keepends=True)[: LINES + 1])
    sent = await ada.client.post("/api/v1/files", files={"file": ("messages.csv", text.encode(), "text/csv")})
    assert sent.status_code == 201, sent.text
    inputs = {"messages": sent.json()}

    drafted = await runs.start(ada.actor, workflow_id, inputs=inputs)
    by_editor = await shown(ada, await ended(ada, drafted.run_id))

    token = await unit.ask(forms.publish_form, ada.actor, workflow_id)
    by_form = await shown(ada, await ended(ada, await forms.submit(token, inputs, "192.0.2.7")))

    answer = await ada.client.post(f"/api/v1/workflows/{workflow_id}/runs?wait=60", json={"inputs": inputs})
    assert answer.status_code == 200, answer.text
    by_rest = await shown(ada, answer.json()["id"])

    assert by_editor == by_form == by_rest
    assert set(by_editor) == {"departments", "messages", "urgent", "workbook"}
    assert len(by_editor["messages"]) == LINES
    assert [list(row) for row in by_editor["messages"][:1]] == [["Message", "Department", "Urgent", "Confidence"]]
    assert len(by_editor["workbook"]["Messages"]) == LINES + 1
    assert sum(bar["Messages"] for bar in by_editor["departments"]) == LINES

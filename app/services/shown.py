"""Workflows, runs and templates as lists show them: plain records of words, numbers, and moments in milliseconds."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from app.services import alarms
from app.services.alarms import Alarm
from app.services.runs import RunRow
from app.services.templates import Template
from app.services.triggers import TriggerView
from app.services.waiting import Waiting
from app.services.workflows import LastRun, WorkflowRow
from engine.models import to_ms

STRIP: Final = 14
_TONES: Final = {"done": "ok", "failed": "bad", "running": "run", "waiting": "wait", "paused": "wait"}
_SOURCES: Final = {
    "manual": "in the editor",
    "form": "by form",
    "api": "by API",
    "webhook": "by webhook",
    "schedule": "by schedule",
    "again": "again",
    "workflow": "by another workflow",
}
_TILES: Final = 5
_TELLING: Final = (
    "ai", "app", "http", "code", "data", "lists", "text", "dates", "security", "values", "files", "images", "flow",
    "trigger",
)  # fmt: skip
_TOPS: Final = (52, 34, 52, 70, 44)

Record = dict[str, Any]


def ms(moment: datetime | None) -> int:
    """Milliseconds since 1970 UTC, 0 for no moment: what the browser turns into local time."""
    return to_ms(moment) if moment else 0


def count(number: int, one: str, many: str = "") -> str:
    """``1 run``, ``3,080 runs``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(length: int) -> str:
    """A number of bytes as people say it."""
    value = float(length)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def workflow(row: WorkflowRow) -> Record:
    """A workflow in a list."""
    last = row.last_run
    late = next((trigger for trigger in row.triggers if trigger.overdue or trigger.alarm), None)
    return {
        "id": row.id,
        "name": row.name,
        "href": f"/w/{row.id}",
        "on": row.enabled,
        "state": _state(row),
        "trigger": ", ".join(trigger.summary for trigger in row.triggers) or "Started by hand",
        "late": bool(late),
        "owner": row.owner,
        "updated_at": ms(row.updated_at),
        "today": f"{row.today:,}",
        "ticks": ticks(row.health),
        "health": health(row.health),
        **_last(last),
    }


def _last(last: LastRun | None) -> Record:
    return {
        "last_href": f"/runs/{last.id}" if last else "",
        "last_status": last.status if last else "",
        "last_at": ms(last.at) if last else 0,
        "last_ms": round(last.seconds * 1000) if last else 0,
        "last_error": last.error if last else "",
    }


def run(row: RunRow) -> Record:
    """A run in a list; ``until`` is 0 while it runs."""
    return {
        "id": row.id,
        "href": f"/runs/{row.id}",
        "workflow": row.workflow,
        "workflow_id": row.workflow_id,
        "status": row.status,
        "source": source(row),
        "version": f"v{row.version}" if row.version else "Draft",
        "dry": row.dry,
        "created_at": ms(row.created_at),
        "since": ms(row.started_at or row.created_at),
        "until": ms(row.finished_at),
        "error": str((row.error or {}).get("message", "")),
        **waiting(row.waiting),
    }


def waiting(what: Waiting | None) -> Record:
    """What a run waits for: a text, the word before its moment, and the moment; empty where it does not wait."""
    if what is None:
        return {"waits": "", "waits_word": "", "waits_at": 0}
    word = "since" if what.since else "until" if what.until else ""
    said = what.text.rstrip(".") if word else what.text
    return {"waits": said, "waits_word": word, "waits_at": ms(what.since or what.until)}


def source(row: RunRow) -> str:
    """Who or what started a run."""
    how = _SOURCES.get(row.source, row.source)
    return f"{row.started_by}, {how}" if row.started_by else how.capitalize()


def _state(row: WorkflowRow) -> str:
    if row.version is None:
        return "Draft"
    changed = f", {count(row.changes, 'change')} since" if row.changes else ""
    return f"v{row.version}{changed}"


def ticks(states: Sequence[str]) -> list[Record]:
    """A strip of the last runs, oldest first, filled up at its left."""
    empty = [{"tone": "", "height": 18, "title": "no run"}] * (STRIP - len(states))
    full = [{"tone": _TONES.get(state, ""), "height": 100, "title": state} for state in states[-STRIP:]]
    return empty + full


def health(states: Sequence[str]) -> str:
    """The strip in words."""
    if not states:
        return "No run yet"
    done = sum(state == "done" for state in states)
    return f"{done} of the last {count(len(states), 'run')} done"


def attention(row: WorkflowRow) -> list[Record]:
    """What somebody should look at in this workflow: late triggers first, then a last run that failed."""
    found = [_late(row, trigger) for trigger in row.triggers if trigger.overdue or trigger.alarm]
    last = row.last_run
    if last and last.status == "failed":
        found.append(_look_at(last, "octagon-x", "bad", f"“{row.name}” failed"))
    return found


def alarm(one: Alarm) -> Record:
    """Something that holds up the whole workspace, as the home page's card."""
    return {
        "key": alarms.key(one),
        "icon": "triangle-alert",
        "tone": "bad",
        "title": one.title,
        "text": one.text,
        "href": "/system",
        "at": ms(one.since),
    }


def _late(row: WorkflowRow, trigger: TriggerView) -> Record:
    title = "Schedule is overdue" if trigger.overdue else f"A trigger of “{row.name}” needs a look"
    text = trigger.alarm or f"{row.name} · {trigger.summary}"
    return {
        "key": trigger.id,
        "icon": "calendar-clock",
        "tone": "bad",
        "title": title,
        "text": text,
        "href": f"/w/{row.id}",
        "when": "Due",
        "at": ms(trigger.next_due),
    }


def _look_at(run: LastRun, icon: str, tone: str, title: str) -> Record:
    href = f"/runs/{run.id}"
    return {
        "key": run.id,
        "icon": icon,
        "tone": tone,
        "title": title,
        "text": run.error,
        "href": href,
        "when": "Started",
        "at": ms(run.at),
    }


def template(one: Template) -> Record:
    """A template in the gallery."""
    minutes = f"about {count(one.minutes, 'minute')} to set up"
    return {
        "id": one.id,
        "name": one.title,
        "description": one.summary,
        "about": one.description,
        "needs": ", ".join(one.needs),
        "href": f"/templates?open={one.id}",
        "picture": picture(one.nodes),
        "facts": f"{count(len(one.nodes), 'step')}, {minutes}",
    }


def picture(nodes: Sequence[tuple[str, str]]) -> Record:
    """A small drawing of a workflow: at most five of its nodes from left to right, and the wires between them.

    ``nodes`` are icons and categories; places are percent of the width, and pixels of the 104 pixels of height.
    """
    chosen = _spread(nodes)
    lefts = [round(50 if len(chosen) == 1 else 11 + 78 * i / (len(chosen) - 1), 1) for i in range(len(chosen))]
    spots = [(left, _TOPS[i % len(_TOPS)]) for i, left in enumerate(lefts)]
    tiles = [
        {"icon": icon, "category": kind, "left": left, "top": top}
        for (icon, kind), (left, top) in zip(chosen, spots, strict=True)
    ]
    return {"tiles": tiles, "wires": [_wire(a, b) for a, b in pairwise(spots)]}


def _spread(nodes: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """The first, the last, and between them the kinds that say most, each icon once, in their order."""
    if len(nodes) <= _TILES:
        return nodes
    telling = sorted(range(1, len(nodes) - 1), key=lambda i: (_TELLING.index(_kind(nodes[i])), i))
    once = {nodes[i][0]: i for i in reversed(telling) if nodes[i][0] not in (nodes[0][0], nodes[-1][0])}
    middle = sorted([i for i in telling if once.get(nodes[i][0]) == i][: _TILES - 2])
    return [nodes[0], *[nodes[i] for i in middle], nodes[-1]]


def _kind(node: tuple[str, str]) -> str:
    return node[1] if node[1] in _TELLING else "app"


def _wire(start: tuple[float, int], end: tuple[float, int]) -> str:
    x0, x1 = start[0] * 2.8, end[0] * 2.8
    middle = (x0 + x1) / 2
    return f"M{x0:.0f} {start[1]} C{middle:.0f} {start[1]} {middle:.0f} {end[1]} {x1:.0f} {end[1]}"

"""A run as its page shows it: the facts at its head, a row per step, and what went wrong."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.services.run_data import StepView
from app.services.runs import RunDetail
from app.services.shown import Record, count, ms, run
from engine.models import now

ENDED: Final = frozenset({"done", "failed", "cancelled", "skipped"})
NO_ERROR: Final[Record] = {
    "message": "",
    "hint": "",
    "where": "",
    "node": "",
    "request": "",
    "response": "",
}


def head(detail: RunDetail) -> Record:
    """The facts that do not change with every step."""
    return {
        **run(detail.row),
        "wanted": detail.wanted or "",
        "cost": f"${detail.cost:,.3f}" if detail.cost else "",
        "attempt": f"{detail.resumed + 1}, resumed" if detail.resumed else "1",
        "again_of": _links([detail.again_of] if detail.again_of else []),
        "followed_by": _links(detail.followed_by),
        "called_by": _links([detail.called_by] if detail.called_by else []),
        "called": _links(detail.called),
        "failed": detail.failed if detail.row.status in ENDED and not detail.dry else 0,
        "retry": f"Retry failed {'item' if detail.failed == 1 else 'items'} ({detail.failed:,})",
        "dry": detail.dry,
        "part": f"{count(len(detail.part), 'step')} took part; the others were left alone." if detail.part else "",
        "failure": error(detail.row.error),
    }


def _links(run_ids: Sequence[str]) -> list[dict[str, str]]:
    """Runs by the end of their ids."""
    return [{"name": f"…{run_id[-6:]}", "href": f"/runs/{run_id}"} for run_id in run_ids]


def step(one: StepView) -> Record:
    """A row of the timeline."""
    return {
        "id": one.node_id,
        "label": one.label,
        "icon": one.icon,
        "category": one.category,
        "status": "" if one.status == "pending" else one.status,
        "start": ms(one.started_at),
        "end": ms(one.finished_at) if one.status in ENDED else 0,
        "items": " · ".join(part for part in (source_word(one), items(_rounds(one), one.outputs)) if part),
        "depth": one.depth,
    }


def _rounds(one: StepView) -> Mapping[str, Any] | None:
    """A container counts rounds, not items."""
    return {**one.counts, "rounds": True} if one.counts and one.has_body else one.counts


def items(counts: Mapping[str, Any] | None, outputs: Mapping[str, int | None] | None = None) -> str:
    """How many items went through: ``1,284 of 5,000``, ``3,080 items, 7 failed``."""
    if counts and counts.get("total"):
        reused = int(counts.get("reused") or 0)
        total, done, failed = (int(counts.get(name) or 0) for name in ("total", "done", "failed"))
        passed = done + failed
        what = "round" if counts.get("rounds") else "item"
        said = count(total, what) if passed >= total else f"{passed:,} of {total:,}"
        fallback = int(counts.get("fallback") or 0)
        told = ((reused, "reused"), (fallback, "with the fallback value"), (failed, "failed"))
        parts = [said, *(f"{number:,} {word}" for number, word in told if number)]
        return ", ".join(parts)
    known = [number for number in (outputs or {}).values() if number is not None]
    return count(sum(known), "item") if known else ""


def source_word(one: StepView) -> str:
    """Where the step's result comes from, if not from a call in this run."""
    stood = one.stand_in or {}
    if "sends" in stood or stood.get("by") in ("example", "last_run"):
        return "Not sent"
    if stood.get("by") == "kept":
        return "Kept output"
    if stood.get("by") == "fallback":
        return "Fallback"
    return "Reused" if one.reused_from else ""


STANDS_IN: Final = {
    "kept": "What follows got the output that is kept for this step.",
    "last_run": "What follows got what this step gave in the last run.",
    "example": "What follows got an example of what this step gives.",
}


def came_from(one: StepView) -> Record:
    """Why the step was not called: a title, what it means, the run that did it, the request that was not sent."""
    stood = one.stand_in or {}
    word = source_word(one)
    title = {"Not sent": "Not sent: this is a dry run", "Kept output": "Kept output", "Reused": "Reused"}.get(word, "")
    title = "Fallback value" if word == "Fallback" else title
    text = STANDS_IN.get(str(stood.get("by")), "") if word == "Not sent" else ""
    if word == "Kept output":
        text = "The draft keeps this output, so the step was not called."
    if word == "Fallback":
        text = f"The service stayed unavailable, so the step's fallback value was used. {stood.get('why', '')}"
    link = f"/runs/{one.reused_from}" if one.reused_from else ""
    return {
        "title": title,
        "text": text,
        "link": link,
        "run": f"…{(one.reused_from or '')[-6:]}",
        "sends": sends(stood),
    }


def sends(stood: Mapping[str, Any]) -> str:
    """What a dry run did not send, as it would go over the wire; of another kind of step its fields."""
    told = stood.get("sends") or {}
    if "url" in told:
        return _exchange(told)
    return json.dumps(told.get("fields"), indent=2, ensure_ascii=False, default=str) if told else ""


def progress(rows: Sequence[StepView]) -> Record:
    """How far the run is: steps that have ended, items of the step that is running, and the time that may be left."""
    ended = sum(row.status in ENDED for row in rows)
    running = [row for row in rows if row.status == "running" and row.counts and row.counts.get("total")]
    share = float(ended)
    left = ""
    for row in running:
        counts = row.counts or {}
        passed = int(counts.get("done") or 0) + int(counts.get("failed") or 0)
        share += passed / int(counts["total"])
        left = left or _left(row, passed, int(counts["total"]))
    mapped = running or [row for row in rows if row.counts and row.counts.get("total")]
    return {
        "steps": f"{ended} of {len(rows)}",
        "items": items(mapped[-1].counts) if mapped else "",
        "percent": round(100 * share / len(rows), 1) if rows else 0,
        "left": left,
    }


def _left(row: StepView, passed: int, total: int) -> str:
    if not passed or row.started_at is None:
        return ""
    seconds = (now() - row.started_at).total_seconds() * (total - passed) / passed
    if seconds < 1:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"about {minutes // 60} h {minutes % 60} min left"
    return f"about {minutes} min {rest} s left" if minutes else f"about {rest} s left"


def error(record: Mapping[str, Any] | None) -> Record:
    """What went wrong: message, hint, the step and the item; texts are empty where nothing is known."""
    if not record:
        return NO_ERROR
    item = str(record.get("item") or "")
    place = str(record.get("label") or record.get("node") or "")
    numbered = f"item {int(item) + 1:,}" if item.isdigit() else f"items {item}" if item else ""
    return {
        "message": str(record.get("message") or "It failed without saying why."),
        "hint": str(record.get("hint") or ""),
        "where": ", ".join(part for part in (place, numbered) if part),
        "node": str(record.get("node") or ""),
        "request": _exchange(record.get("request")),
        "response": _exchange(record.get("response")),
    }


def _exchange(told: Any) -> str:
    """A request or response as it went over the wire, as far as it was recorded."""
    if not told:
        return ""
    if not isinstance(told, Mapping):
        return str(told)
    head_line = " ".join(str(told[name]) for name in ("method", "status", "url") if told.get(name))
    headers = [f"{name}: {value}" for name, value in dict(told.get("headers") or {}).items()]
    body = told.get("body")
    if isinstance(body, Mapping | list):
        body = json.dumps(body, indent=2, ensure_ascii=False)
    lines = [head_line, *headers, *([""] if body else []), str(body) if body else ""]
    return "\n".join(line for line in lines).strip()


def log_lines(log: Sequence[Any]) -> list[Record]:
    """The log of a step, line by line."""
    lines = []
    for line in log:
        told = line if isinstance(line, Mapping) else {"message": str(line)}
        at = told.get("at")
        lines.append(
            {
                "at": int(at) if isinstance(at, int | float) else 0,
                "level": str(told.get("level") or "info"),
                "text": str(told.get("message") or told.get("text") or ""),
            }
        )
    return lines

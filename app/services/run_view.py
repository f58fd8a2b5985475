"""A run as its page shows it: the facts at its head, a row per step, and what went wrong."""

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
        "attempt": f"{detail.resumed + 1}, resumed" if detail.resumed else "1",
        "again_of": f"/runs/{detail.again_of}" if detail.again_of else "",
        "failure": error(detail.row.error),
    }


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
        "items": items(one.counts, one.outputs),
        "depth": 0,
    }


def items(counts: Mapping[str, Any] | None, outputs: Mapping[str, int | None] | None = None) -> str:
    """How many items went through: ``1,284 of 5,000``, ``3,080 items, 7 failed``."""
    if counts and counts.get("total"):
        total, done, failed = (int(counts.get(name) or 0) for name in ("total", "done", "failed"))
        passed = done + failed
        said = count(total, "item") if passed >= total else f"{passed:,} of {total:,}"
        return f"{said}, {failed:,} failed" if failed else said
    known = [number for number in (outputs or {}).values() if number is not None]
    return count(sum(known), "item") if known else ""


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

"""A run as the editor tells it: on the cards, in the strip, and what a trial run held back."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.pages.editor import words
from app.services import run_data, run_view, runs, shown
from engine.catalog import catalog
from engine.events import Event
from engine.graph import Graph, Node
from engine.models import now


def fired(graph: Graph) -> tuple[str | None, Any]:
    """Which trigger a run from the editor stands for, and the sample that it hands in."""
    for node in graph.nodes.values():
        one = catalog().get(node.type, node.version)
        if one is None or one.kind != "trigger" or node.off:
            continue
        moment = now().isoformat()
        samples = {
            "manual": node.params.get("sample"),
            "webhook": {"body": {}, "headers": {}, "query": {}, "method": "POST", "path": str(node.params.get("path"))},
            "schedule": {"due": moment, "fired_at": moment},
        }
        return node.id, samples.get(one.trigger)
    return None, None


def held_back(graph: Graph) -> dict[str, str]:
    """Ids and titles of the nodes of which a trial run does the first items only, should they run once per item."""
    return {node.id: node.title for node in graph.nodes.values() if not node.each and _writes(node)}


def trial(writers: Mapping[str, str], steps: Sequence[run_data.StepView]) -> str:
    """What a trial run held back."""
    titles = [writers[one.node_id] for one in steps if one.node_id in writers and (one.counts or {}).get("total")]
    return f"{', '.join(titles)}: the first {runs.FIRST_WRITES} items only." if titles else ""


def _writes(node: Node) -> bool:
    one = catalog().get(node.type, node.version)
    return one is not None and words.writes(one, node)


def told(detail: runs.RunDetail) -> str:
    """Who started it, and what of."""
    version = f"v{detail.row.version}" if detail.row.version else "draft"
    by = f"by {detail.row.started_by}" if detail.row.started_by else shown.source(detail.row).lower()
    waits = f" · {detail.row.waiting.text}" if detail.row.waiting else ""
    return f"{by} · {version}{waits}"


def ended(steps: Sequence[run_data.StepView]) -> int:
    """How many steps have ended, the rounds of those in containers among them."""
    return sum(1 if one.status in run_view.ENDED else int((one.counts or {}).get("done") or 0) for one in steps)


def status(one: run_data.StepView, preview: str, *, asks: bool = False) -> dict[str, Any]:
    """What a card shows of its step. ``asks``: whoever looks is asked for something there."""
    counts = one.counts or {}
    begun, ended = shown.ms(one.started_at), shown.ms(one.finished_at)
    return {
        "status": "needs_you" if asks and one.status == "waiting" else "" if one.status == "pending" else one.status,
        "ms": ended - begun if begun and ended else None,
        "ports": dict(one.outputs),
        "preview": preview,
        "error": str((one.error or {}).get("message", "")) if one.status == "failed" else "",
        "rounds": one.has_body or bool(counts.get("rounds")),
        **{name: counts.get(name) for name in ("total", "done", "failed")},
    }


def heard_status(event: Event) -> dict[str, Any]:
    """What an event changes on a card."""
    counts = event.counts or {}
    return {"status": event.status, **{name: counts[name] for name in ("total", "done", "failed") if name in counts}}


def row_change(event: Event) -> dict[str, Any]:
    """What an event changes in the strip."""
    ended = event.status in run_view.ENDED
    change: dict[str, Any] = {"id": event.node_id, "status": event.status}
    if event.counts:
        change["items"] = run_view.items(event.counts)
    if event.status == "running" and not event.counts:
        change["start"] = event.at
    return {**change, "end": event.at} if ended else change

"""What a run did in earlier segments, read from its rows and put into the executor's terms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.run.failures import from_record
from engine.run.outcome import Done, Failed
from engine.run.past import OpenAttempt, Past, Tried, Waited
from engine.store.reading import History

Unpack = Callable[[Mapping[str, Any]], Awaitable[Any]]


@dataclass(slots=True)
class Restored:
    """`over`: closing rows of nodes that are done, skipped, or failed into their error output. `past`: the others'.

    `error`: of a node that failed, with what it was `given`, as rows hold it.
    """

    over: dict[str, dict[str, Any]] = field(default_factory=dict)
    past: dict[str, Past] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    given: Any = None


async def restored(history: History, steps_to: Callable[[str], tuple[str, str] | None], unpack: Unpack) -> Restored:
    """Sort a scope's rows by what they mean for going on.

    Args:
        steps_to: by the path of a deeper scope, the container and its round that it lies in.
        unpack: gives the value behind a stored form.
    """
    found = Restored()
    for row in history.steps:
        past = found.past.setdefault(row["node_id"], Past())
        if row["item"]:
            await _restore_item(row, past, unpack)
        elif row["status"] in ("done", "skipped") or (row["status"] == "failed" and row["output"]):
            found.over[row["node_id"]] = row
        elif row["status"] == "failed":
            found.error, found.given = row["error"], row["input"]
        else:
            past.started_at, past.rested = row["started_at"], row["status"] == "waiting"
            if row["status"] == "waiting" and row["output"]:
                past.asleep[""] = {port: await unpack(stored) for port, stored in row["output"].items()}
    for row in history.attempts:
        if row["outcome"] is None:
            past = found.past.setdefault(row["node_id"], Past())
            past.open[row["item"]] = OpenAttempt(row["number"], row["generation"], row["deadline"])
        else:
            past = found.past.setdefault(row["node_id"], Past())
            past.tried[row["item"]] = Tried(row["number"], row["generation"], row["outcome"] == "failed")
    take_waits(history.waits, found.past)
    _call_rounds(history.open, steps_to, found.past)
    return found


def _call_rounds(
    open_waits: Mapping[str, int], steps_to: Callable[[str], tuple[str, str] | None], past: Mapping[str, Past]
) -> None:
    """A round goes on if fewer waits are open in it than when it came to rest."""
    left: dict[tuple[str, str] | None, int] = {}
    for path, count in open_waits.items():
        step = steps_to(path)
        left[step] = left.get(step, 0) + count
    for node_id, known in past.items():
        known.called |= {item for item, waits in known.resting.items() if left.get((node_id, item), 0) < waits}


def take_waits(rows: Iterable[Mapping[str, Any]], past: dict[str, Past]) -> set[str]:
    """Bring the waits of a scope up to date; the ids of nodes of which one was settled meanwhile."""
    woken: set[str] = set()
    for row in rows:
        waits = past.setdefault(row["node_id"], Past()).waits
        known = waits.get(row["item"])
        if known is not None and (known.round > row["round"] or (known.round == row["round"] and known.settled)):
            continue
        settled = row["settled_at"] is not None
        waits[row["item"]] = Waited(
            row["kind"], row["round"], settled, row["detail"] or {}, _json(row["outcome"]) or {}
        )
        if settled and not waits[row["item"]].dropped:
            woken.add(row["node_id"])
    return woken


async def _restore_item(row: Mapping[str, Any], past: Past, unpack: Unpack) -> None:
    """An item's own row (`17`), that of a chunk (`0-255`) whose values say where they stand (`at`), or that of a part
    of a long list, whose values stay where they are."""
    item, attempt = row["item"], row["attempt"]
    if row["status"] == "failed":
        past.finished[item] = Failed(from_record(row["error"], row["node_id"], row["input"]), attempt)
        return
    output = row["output"] or {}
    counts = row["counts"] or {}
    if row["status"] in ("running", "waiting") and row["started_at"]:
        past.since[item] = counts.get("since") or row["started_at"]
        past.tries[item] = attempt
    if row["status"] == "running":
        past.begun.add(item)
    elif row["status"] == "waiting" and counts:
        past.resting[item] = counts["waits"]
    elif row["status"] == "waiting":
        past.asleep[item] = {port: await unpack(stored) for port, stored in output.items()}
    elif row["status"] == "done" and "-" not in item:
        past.finished[item] = Done({port: await unpack(stored) for port, stored in output.items()}, attempt=attempt)
    elif row["status"] == "done" and any("dealt" in stored for stored in output.values()):
        past.parts[item] = output
    elif row["status"] == "done":
        fired: dict[int, dict[str, Any]] = {}
        for port, stored in output.items():
            for index, value in zip(stored["at"], await unpack(stored), strict=True):
                fired.setdefault(index, {})[port] = value
        past.finished |= {str(index): Done(ports, attempt=attempt) for index, ports in fired.items()}


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value

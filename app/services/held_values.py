"""Values as rows hold them: a page of one, or the whole. Long lists inside are told, never silently cut."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.services.access import Actor
from app.services.errors import NotFound
from engine import doors
from engine.contract import LongList, is_list
from engine.contract import NotFound as GoneFromStore
from engine.contract.lists import part_of
from engine.store import storage

LARGEST_WHOLE: Final = 16 * 1024 * 1024
_FIRST_ITEMS: Final = 20


@dataclass(frozen=True, slots=True)
class Items:
    """A page of the values at a port. ``total`` is None for a single value, which is then the only item."""

    items: list[Any]
    start: int
    total: int | None


def page(  # noqa: PLR0917  what a page is
    actor: Actor, held: Mapping[str, Any], start: int, stop: int, field: str = "", inner: int | None = None
) -> Items:
    """Part of a value as a step row holds it: ``{"v": value}`` or ``{"ref": hash, "count": items or null}``."""
    try:
        if held.get("count") is not None:
            found = storage.storage().page(actor.workspace_id, held["ref"], start, stop)
            found = doors.shown(found) if held.get("doors") else found
            return Items(_told(found, inner), start, held["count"])
        value = value_of(actor, held)
        if field:
            value = value.get(field) if isinstance(value, Mapping) else None
        if is_list(value):
            return Items(_told(part_of(value, start, min(stop, len(value))), inner), start, len(value))
        return Items([_told(value, inner)], 0, None)
    except GoneFromStore:
        raise NotFound("value (its time of keeping may be over)") from None


def value_of(actor: Actor, held: Mapping[str, Any]) -> Any:
    """The value itself; long lists in it are read as they are asked for."""
    value = storage.storage().value_of(actor.workspace_id, held)
    return doors.shown(value) if held.get("doors") else value


def _told(value: Any, inner: int | None) -> Any:
    """The value as JSON: of a long list inside how many items it has and the first of them, never silently fewer."""
    if isinstance(value, LongList):
        if inner is not None:
            return _told(part_of(value, 0, min(inner, len(value))), inner)
        first = part_of(value, 0, min(_FIRST_ITEMS, len(value)))
        return {"$list": {"count": len(value), "first": _told(first, inner)}}
    if isinstance(value, Mapping):
        return {name: _told(held, inner) for name, held in value.items()}
    return [_told(held, inner) for held in value] if isinstance(value, list) else value


async def resolved(actor: Actor, output: Mapping[str, Any]) -> Any:
    """What a run's ``output`` column stands for: a record by output name, or the value of its last node."""
    stored = output.get("outputs") or {}
    if all("ref" not in held and "lists" not in held for held in (*stored.values(), output.get("last") or {})):
        return read_resolved(actor, output)
    return await asyncio.to_thread(read_resolved, actor, output)


async def whole(actor: Actor, held: Mapping[str, Any]) -> Any:
    """A value as rows hold it; a list above 16 MB by its number of items and the first of them."""
    return await asyncio.to_thread(read_whole, actor, held) if "ref" in held else read_whole(actor, held)


def read_resolved(actor: Actor, output: Mapping[str, Any]) -> Any:
    """What `resolved` gives, for those who are in a thread already."""
    stored = output.get("outputs") or {}
    if not stored and "last" in output:
        return read_whole(actor, output["last"])
    return {name: read_whole(actor, held) for name, held in stored.items()}


def read_whole(actor: Actor, held: Mapping[str, Any]) -> Any:
    """What `whole` gives, for those who are in a thread already."""
    if "ref" not in held and not held.get("lists"):
        return doors.shown(held.get("v")) if held.get("doors") else held.get("v")
    store = storage.storage()
    try:
        if held.get("count") is None:
            return _told(value_of(actor, held), None)
        if held.get("size", 0) > LARGEST_WHOLE:
            told = _told(store.list_of(actor.workspace_id, held["ref"], held["count"]), None)
        else:
            told = store.get_json(actor.workspace_id, held["ref"])
        return doors.shown(told) if held.get("doors") else told
    except GoneFromStore:
        return None

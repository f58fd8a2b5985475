"""Long lists that a field takes whole: read into memory for the call, up to a limit that names field and size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.contract import BadParams, LongList, NodeType
from engine.graph import Node

WHOLE_BYTES = 64 * 1024 * 1024  # JSON text; in memory some five times as much
WHOLE_ITEMS = 500_000
PLAIN = frozenset({str, int, float, bool, type(None)})


def holds_long(record: Mapping[str, Any]) -> bool:
    """Whether a field of the record is a long list. Asked of every record on its way: no generator, no ABC."""
    for value in record.values():  # noqa: SIM110
        if value.__class__ not in PLAIN and isinstance(value, LongList):
            return True
    return False


def has_long(node_type: NodeType, raw: Mapping[str, Any]) -> bool:
    """Whether a field that takes lists whole was given a long one."""
    for name, value in raw.items():
        if value.__class__ not in PLAIN and _holds(value):
            spec = node_type.fields.get(name)
            if spec is None or not spec.streams:
                return True
    return False


def _holds(value: Any) -> bool:
    if value.__class__ in PLAIN:
        return False
    if isinstance(value, LongList):
        return True
    if isinstance(value, dict):
        return holds_long(value)
    # Of a list of records the first tells: they come out of one node.
    return isinstance(value, list) and bool(value) and not isinstance(value[0], list) and _holds(value[0])


def brought(node: Node, node_type: NodeType, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with their long lists in memory. Blocks.

    Raises:
        BadParams: a list is too large for that; names the field, and says how large.
    """
    return {
        name: value
        if (spec := node_type.fields.get(name)) is not None and spec.streams
        else _whole(value, node, spec.title if spec else name)
        for name, value in raw.items()
    }


def _whole(value: Any, node: Node, field: str) -> Any:
    if isinstance(value, LongList):
        return _read(value, node, field)
    if isinstance(value, Mapping):
        return {name: _whole(inner, node, field) for name, inner in value.items()}
    return [_whole(inner, node, field) for inner in value] if isinstance(value, list) and _holds(value) else value


def _read(items: LongList, node: Node, field: str) -> list[Any]:
    if len(items) > WHOLE_ITEMS or items.size > WHOLE_BYTES:
        raise BadParams(
            f"“{field}” of “{node.title}” got {len(items):,} items ({items.size / 1024**2:,.0f} MB). This step needs "
            f"them all in memory at once, which goes up to {WHOLE_ITEMS:,} items and {WHOLE_BYTES // 1024**2} MB.",
            field=field,
            hint="Filter, group or limit the list before, or work on it item by item.",
        )
    return [item for piece in items.pieces() for item in piece]

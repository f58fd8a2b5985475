"""Puts the results of a node's calls together again: in the shape of the input, dealt out by output."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.broadcast.align import Branch
from engine.broadcast.calls import Mapped, Once
from engine.broadcast.paths import compact
from engine.broadcast.values import Axis, Value
from engine.contract import MAIN, NodeError
from engine.contract.lists import Joined, LongList

ERROR = "error"


@dataclass(frozen=True, slots=True)
class Failed:
    """A call that failed, and what leaves through the error output in its place."""

    error: NodeError
    record: Mapping[str, Any] = field(default_factory=dict)


def collect(call: Once | Mapped, results: Sequence[Mapping[str, Any] | Failed]) -> dict[str, Value]:
    """The node's outputs that fired.

    `results`: for each call, in order, the data by output that fired, or Failed. Items that an output was not dealt,
    and failed ones, are missing from its list, which remembers their places. An output that was dealt nothing is not
    there; only a mapping over no items at all still gives an empty main output.
    """
    if isinstance(call, Once):
        (result,) = results
        fired = {ERROR: _record(call.node, "", result)} if isinstance(result, Failed) else result
        return {port: Value(data) for port, data in fired.items()}
    if len(results) > call.length:
        raise ValueError("more results than calls")
    by_port: dict[str, dict[int, Any]] = {}
    for number, result in enumerate(results):
        if isinstance(result, Failed):
            about = call.item_at(number)
            by_port.setdefault(ERROR, {})[number] = _record(call.node, str(call.first + number), result, about)
        else:
            for port, data in result.items():
                by_port.setdefault(port, {})[number] = data
    if not call.length and call.has_main:
        by_port[MAIN.name] = {}
    return {port: _value(call, items) for port, items in by_port.items()}


def joined(call: Mapped, parts: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """The outputs of a mapping on one level that was called in parts, from what `collect` gave for each in turn."""
    names = dict.fromkeys(port for part in parts for port in part)
    return {port: _joined(call, [part[port] for part in parts if port in part]) for port in names}


def _joined(call: Mapped, values: Sequence[Value]) -> Value:
    if sum(len(value.data) for value in values) == call.length:
        return Value(_all_of(values), (call.outer.axis,))
    paths = array("q")
    for value in values:
        paths.extend(value.origin[0].paths or ())
    return Value(_all_of(values), (Axis(call.outer.axis.origin, compact(paths)),))


def _all_of(values: Sequence[Value]) -> Sequence[Any]:
    if any(isinstance(value.data, LongList) for value in values):
        return Joined([value.data for value in values])
    return [item for value in values for item in value.data]


def _record(node: str, item: str, failed: Failed, about: Any = None) -> dict[str, Any]:
    error = failed.error
    told = {"message": error.message, "hint": error.hint, "kind": error.kind, "status": error.status}
    return {**told, "node": node, "item": item, "input": about, **failed.record}


def _value(call: Mapped, items: Mapping[int, Any]) -> Value:
    if call.shape is not None:
        return _shaped(call, call.shape, items)
    data = list(items.values())
    outer = call.outer
    if len(data) == outer.length:
        return Value(data, (outer.axis,))
    return Value(data, (Axis(outer.axis.origin, compact(outer.paths[number] for number in items)),))


def _shaped(call: Mapped, shape: Branch, items: Mapping[int, Any]) -> Value:
    keep_empty = call.has_main and len(items) == call.length
    data, paths = _level(shape, items, keep_empty)
    dropped = not keep_empty or not _complete(shape)
    axes = tuple(Axis(origin, _paths_at(paths, depth) if dropped else None) for depth, origin in enumerate(call.axes))
    return Value(data, axes)


def _level(branch: Branch, items: Mapping[int, Any], keep_empty: bool) -> tuple[list[Any], list[tuple[int, Any]]]:
    """The data of this level, and for each of its items the path and the same of the level below (None at a call)."""
    data: list[Any] = []
    paths: list[tuple[int, Any]] = []
    for path, child in zip(branch.paths, branch.children, strict=True):
        if isinstance(child, Branch):
            inner, deeper = _level(child, items, keep_empty)
            if inner or keep_empty:
                data.append(inner)
                paths.append((path, deeper))
        elif child in items:
            data.append(items[child])
            paths.append((path, None))
    return data, paths


def _paths_at(paths: list[tuple[int, Any]], depth: int) -> tuple[Any, ...]:
    if depth == 0:
        return tuple(path for path, _ in paths)
    return tuple(None if deeper is None else _paths_at(deeper, depth - 1) for _, deeper in paths)


def _complete(branch: Branch) -> bool:
    return branch.complete and all(_complete(child) for child in branch.children if isinstance(child, Branch))

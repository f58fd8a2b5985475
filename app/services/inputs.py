"""The Input nodes of a workflow as a form has them, and the check of what is filled in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import Any, Final

from app.services.errors import Invalid
from engine.graph import Graph

_MOST_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Input:
    """One field of a workflow's form; ``kind`` as in the node flow.input."""

    node_id: str
    name: str
    kind: str
    label: str
    help: str
    required: bool
    default: Any
    columns: Sequence[Any]
    options: Sequence[Any]


def inputs_of(graph: Graph) -> list[Input]:
    """The Input nodes in the order of the document."""
    nodes = (node for node in graph.nodes.values() if node.type == "flow.input" and not node.off)
    return [_input(node.id, node.title, node.params) for node in nodes]


def check(graph: Graph, values: Mapping[str, Any]) -> None:
    """Raise Invalid for an unknown input, a missing one, or a value of the wrong kind."""
    fields = {one.name: one for one in inputs_of(graph)}
    problems = [
        {"field": name, "message": f"This workflow has no input {name!r}."} for name in values if name not in fields
    ]
    for name, one in fields.items():
        value = values.get(name, one.default)
        fault = _fault(one, value)
        if fault:
            problems.append({"field": name, "message": f"{one.label}: {fault}"})
    if problems:
        raise Invalid(problems[0]["message"], problems)


def _input(node_id: str, title: str, params: Mapping[str, Any]) -> Input:
    return Input(
        node_id=node_id,
        name=str(params.get("name") or node_id),
        kind=str(params.get("kind") or "text"),
        label=str(params.get("label") or title),
        help=str(params.get("help") or ""),
        required=bool(params.get("required", True)),
        default=params.get("default"),
        columns=tuple(params.get("columns") or ()),
        options=tuple(params.get("options") or ()),
    )


def _fault(one: Input, value: Any) -> str:
    if value is None or value in ("", []):
        return "fill this in." if one.required else ""
    tests: dict[str, tuple[Callable[[], bool], str]] = {
        "text": (lambda: isinstance(value, str), "this must be text."),
        "long_text": (lambda: isinstance(value, str), "this must be text."),
        "number": (lambda: _is_number(value), "this must be a number."),
        "boolean": (lambda: isinstance(value, bool), "this must be true or false."),
        "date": (lambda: _is_date(value), "this must be a date such as 2026-11-23."),
        "file": (lambda: isinstance(value, Mapping) and "$file" in value, "this must be an uploaded file."),
        "rows": (lambda: _are_rows(value), f"this must be a list of at most {_MOST_ROWS:,} records."),
        "choice": (lambda: value in _choices(one), f"choose one of {', '.join(map(str, _choices(one)))}."),
    }
    if one.kind not in tests:
        return ""
    right, message = tests[one.kind]
    return "" if right() else message


def _choices(one: Input) -> list[Any]:
    return [option.get("value") if isinstance(option, Mapping) else option for option in one.options]


def _are_rows(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= _MOST_ROWS and all(isinstance(row, Mapping) for row in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value[:10]) and datetime.fromisoformat(value))
    except ValueError:
        return False

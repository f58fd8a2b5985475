"""What is wrong within one node, whatever stands around it. Kept until the node changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from engine.broadcast.leaves import Leaf, field_leaves
from engine.contract import NodeType
from engine.expressions import TemplateError, compile, did_you_mean
from engine.graph import Node
from engine.problem import Fix, Problem

KEPT = 20_000
_cache: dict[int, tuple[Node, NodeType, tuple[Problem, ...]]] = {}


def field_problems(node: Node, node_type: NodeType) -> tuple[Problem, ...]:
    """Unknown, missing and wrong fields, and templates that cannot be read."""
    found = _cache.get(id(node))
    if found is None or found[0] is not node or found[1] is not node_type:
        if len(_cache) >= KEPT:
            _cache.clear()
        found = _cache[id(node)] = (node, node_type, tuple(_problems(node, node_type)))
    return found[2]


def _problems(node: Node, node_type: NodeType) -> Iterator[Problem]:
    leaves: list[Leaf] = []
    broken: set[str] = set()
    for name in node.params:
        if name not in node_type.fields:
            yield _unknown_field(node, node_type, name)
            continue
        try:
            leaves += field_leaves(node, node_type, name)
        except TemplateError as error:
            broken.add(name)
            yield _bad_template(node, name, error)
    for source in node.after:
        yield from _after(node, source)
    yield from _circles(node, node_type, leaves)
    yield from _values(node, node_type, leaves, broken)


def _unknown_field(node: Node, node_type: NodeType, name: str) -> Problem:
    return Problem(
        code="unknown_field",
        message=f"“{node_type.title}” has no field “{name}”.",
        node=node.id,
        field=name,
        hint=did_you_mean(name, node_type.fields) or None,
        fix=Fix(label="Remove it", ops=({"op": "set_field", "node": node.id, "path": [name]},)),
    )


def _bad_template(node: Node, field: str, error: TemplateError) -> Problem:
    near = error.source[max(0, error.position - 12) : error.position + 12].replace("\n", " ").strip()
    where = f" Near “{near}”." if near and len(error.source) > 40 else ""
    return Problem(
        code="bad_template", message=error.message + where, node=node.id, field=field, hint=error.hint or None
    )


def _after(node: Node, source: str) -> Iterator[Problem]:
    try:
        template = compile(source)
    except TemplateError as error:
        yield _bad_template(node, "after", error)
        return
    if template.kind != "reference":
        yield Problem(
            code="bad_after",
            message=f"“{source[:60]}” is no reference to an output.",
            node=node.id,
            field="after",
            hint="Write one reference, as in {{ router.urgent }}.",
        )


def _circles(node: Node, node_type: NodeType, leaves: list[Leaf]) -> Iterator[Problem]:
    """Fields of one node that mention each other."""
    needs: dict[str, set[str]] = {}
    for leaf in leaves:
        own = {r.node for r in leaf.references if r.node in node.params and r.node in node_type.fields}
        needs.setdefault(str(leaf.path[0]), set()).update(own - {str(leaf.path[0])})
    for name in needs:
        ahead, frontier = set[str](), [name]
        while frontier:
            fresh = needs.get(frontier.pop(), set()) - ahead
            ahead |= fresh
            frontier += fresh
        if name in ahead:
            title = node_type.fields[name].title
            yield Problem(
                code="field_circle",
                message=f"“{title}” is worked out from itself, by way of {_listed(ahead - {name})}.",
                node=node.id,
                field=name,
                hint="Let one of them stand by itself.",
            )


def _listed(names: set[str]) -> str:
    return ", ".join(f"“{name}”" for name in sorted(names)) or "itself"


def _values(node: Node, node_type: NodeType, leaves: list[Leaf], broken: set[str]) -> Iterator[Problem]:
    """What the type's own model says of the literals; where a template stands, the run will tell."""
    params = {name: raw for name, raw in node.params.items() if name in node_type.fields}
    try:
        node_type.params.model_validate(params)
    except ValidationError as error:
        paths = [leaf.path for leaf in leaves]
        for detail in error.errors(include_url=False, include_input=False):
            place = detail["loc"]
            if (place and str(place[0]) in broken) or (not place and paths) or _touches(place, paths):
                continue
            yield _bad_value(node, node_type, place, detail)
    except (TypeError, AttributeError, LookupError):
        return  # a validator that expects values tripped over a template


def _touches(place: tuple[int | str, ...], paths: list[tuple[int | str, ...]]) -> bool:
    """Whether a template stands at the place, around it, or in it."""
    return any(place[: len(path)] == path or path[: len(place)] == place for path in paths)


def _bad_value(node: Node, node_type: NodeType, place: tuple[int | str, ...], detail: Mapping[str, Any]) -> Problem:
    name = str(place[0]) if place else ""
    spec = node_type.fields.get(name)
    title = spec.title if spec is not None else node_type.title
    field = ".".join(str(step) for step in place) or None
    if detail["type"] == "missing" and len(place) == 1:
        return Problem(
            code="missing_field",
            message=f"“{title}” is required.",
            node=node.id,
            field=field,
            hint=_examples(node_type, name),
        )
    if detail["type"] == "missing":
        return Problem(code="missing_field", message=f"“{place[-1]}” is required here.", node=node.id, field=field)
    if detail["type"] == "extra_forbidden":
        return Problem(code="unknown_field", message=f"“{place[-1]}” means nothing here.", node=node.id, field=field)
    said = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
    if said.startswith("Input should be"):
        said = f"“{title}” must be{said.removeprefix('Input should be')}"
    return Problem(code="bad_value", message=f"{said[:1].upper()}{said[1:]}.", node=node.id, field=field)


def _examples(node_type: NodeType, name: str) -> str | None:
    examples = node_type.params.model_fields[name].examples
    return f"For example: {examples[0]}" if examples and isinstance(examples[0], str | int | float) else None

"""Whether a value of one shape fits where another is wanted."""

from __future__ import annotations

from collections.abc import Mapping

from engine.validation.shapes import Kind, Shape

# What each kind is taken from beside itself, as `Params` turns it; the rest is refused, as a run would refuse it.
ALSO_FROM: Mapping[Kind, frozenset[Kind]] = {
    "text": frozenset({"number"}),
    "number": frozenset({"text", "boolean"}),
    "boolean": frozenset({"text", "number"}),
    "record": frozenset({"file"}),
    "file": frozenset({"record"}),
    "list": frozenset(),
}


def mismatch(given: Shape, wanted: Shape) -> str:
    """Why it does not fit, to follow a field's title; empty when it does or may. A list fits where a single value is
    wanted: it maps."""
    if "any" in (given.kind, wanted.kind):
        return ""
    if wanted.kind == "list":
        if given.kind != "list":
            return f"needs a list, and this is {given.words}."
        return mismatch(given.inside, wanted.inside) if wanted.item is not None else ""
    single = given.inside
    if single.kind in ("any", wanted.kind) or single.kind in ALSO_FROM[wanted.kind]:
        return ""
    return f"needs {wanted.words}, and this is {single.words}."

"""Whether two people change the same place of a drawing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Op = Mapping[str, Any]
REPLACE: Final = "replace"
_Place = tuple[str, str]


def collide(mine: Sequence[Op], theirs: Iterable[Op]) -> bool:
    """Whether one of my operations changes what one of theirs has changed. Positions never collide."""
    places = {place for op in mine for place in _places(op)}
    return any(_meet(one, other) for op in theirs for other in _places(op) for one in places)


def _places(op: Op) -> Iterable[_Place]:
    """What an operation changes for good: (node, part), either of them empty for all of it. Positions never collide."""
    name, node = op.get("op"), str(op.get("node") or op.get("target") or "")
    if name == REPLACE:
        yield "", ""
    elif name == "remove_node":
        yield node, ""
    elif name == "set_name":
        yield "", "name"
    elif name == "rename":
        yield node, "label"
    elif name == "set_option":
        yield node, str(op.get("key"))
    elif name in ("set_field", "connect", "disconnect"):
        path = op.get("path") or op.get("field") or ""
        yield node, str(path[0] if isinstance(path, list) else path).partition(".")[0]


def _meet(one: _Place, other: _Place) -> bool:
    return ("", "") in (one, other) or (one[0] == other[0] and (one[1] == other[1] or "" in (one[1], other[1])))

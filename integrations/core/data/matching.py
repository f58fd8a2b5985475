"""Which rows of two lists belong together: by the values of one field or several."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from integrations.core.values import blank, identity, loose, pick


def key_of(row: Any, names: Sequence[str], is_loose: bool = False) -> Hashable | None:
    """What a row is matched by; None where one of the fields is empty. No names: the whole row."""
    same = loose if is_loose else identity
    if not names:
        return same(row)
    values = [pick(row, name) for name in names]
    return None if any(blank(value) for value in values) else tuple(same(value) for value in values)


def places(rows: Iterable[Any], names: Sequence[str], is_loose: bool = False) -> dict[Hashable, list[int]]:
    """The places of the rows under each key, in their order; rows with an empty key are left out."""
    found: dict[Hashable, list[int]] = {}
    for i, row in enumerate(rows):
        key = key_of(row, names, is_loose)
        if key is not None:
            found.setdefault(key, []).append(i)
    return found

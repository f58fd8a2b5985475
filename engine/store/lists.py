"""Lists in the payload store: written item by item, read line by line.

A list is kept as lines, each a JSON array of some of its items, in one file or several, beside a manifest that says
where each line lies: a page of 50 out of a million items reads a few lines only, and lists are joined without copying.
A list inside a stored value is `{"$list": <manifest>, "count": n}` there, which the value's mark says.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.contract.lists import LongList
from engine.store.payloads import Payloads, too_large

LINE_BYTES = 64 * 1024
LIST_MARK = b"weft-list\n"  # no JSON text begins like this
INNER = "$list"
FILE_MARK = b'"$file"'
KEPT_LINES = 2  # decoded lines that a list remembers


@dataclass(frozen=True, slots=True)
class Ref:
    """A stored value: the id it is found by, the number of items if it is a list (else None), the size in bytes.

    `inner`: the lists that stand inside it and are stored by themselves.
    """

    hash: str
    count: int | None
    size: int
    inner: tuple[Ref, ...] = ()


# A file of lines: its name, and offset, length and number of items of each line.
Part = tuple[str, list[tuple[int, int, int]]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known of a stored list.

    `flat`: no item holds a list. `nested`: some item holds a stored one. `files`: some item may hold a file.
    """

    count: int
    size: int
    flat: bool
    nested: bool
    parts: list[Part]
    files: bool = True  # of a manifest that was written before this was noted

    def dumps(self) -> bytes:
        told = {name: getattr(self, name) for name in ("count", "size", "flat", "nested", "parts", "files")}
        return LIST_MARK + orjson.dumps(told)

    @classmethod
    def loads(cls, data: bytes) -> Manifest:
        return cls(**orjson.loads(data[len(LIST_MARK) :]))


class StoredList(LongList):
    """A list of the payload store. Travels into the processes of the pool as its name."""

    def __init__(self, payloads: Payloads, workspace_id: str, payload_id: str, count: int) -> None:
        self._payloads, self._workspace, self.id, self._count = payloads, workspace_id, payload_id, count
        self._manifest: Manifest | None = None
        self._starts = array("q")
        self._places: list[tuple[str, int, int]] = []
        self._kept: dict[int, list[Any]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return StoredList, (self._payloads, self._workspace, self.id, self._count)

    def __len__(self) -> int:
        return self._count

    @property
    def manifest(self) -> Manifest:
        """Where the lines lie. Raises NotFound if this workspace stored no such list."""
        if self._manifest is None:
            data = self._payloads.read(self._workspace, self.id)
            if not data.startswith(LIST_MARK):
                raise ValueError("only a list has pages")
            self._manifest = Manifest.loads(data)
            self._count = self._manifest.count
            first = 0
            for lines, index in self._manifest.parts:
                for offset, length, count in index:
                    self._starts.append(first)
                    self._places.append((lines, offset, length))
                    first += count
        return self._manifest

    @property
    def flat(self) -> bool:  # type: ignore[override]
        return self.manifest.flat

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.manifest.size

    def read(self, start: int, stop: int) -> list[Any]:
        if start >= min(stop, self.manifest.count):
            return []
        items: list[Any] = []
        begin, end = bisect_right(self._starts, start) - 1, bisect_left(self._starts, stop)
        for number, line in enumerate(self._lines(begin, end), begin):
            first = self._starts[number]
            items += line[max(0, start - first) : stop - first]
        return items

    def pieces(self) -> Iterator[list[Any]]:
        return self._lines(0, len(self.manifest.parts) and len(self._starts))

    def _lines(self, number: int, end: int) -> Iterator[list[Any]]:
        """The lines from `number` up to `end`, read in as few goes as the place is best read in."""
        while number < end:
            kept = self._kept.get(number)
            if kept is not None:
                yield kept
                number += 1
                continue
            together = self._places[number : self._together(number, end)]
            name, begin, _ = together[0]
            length = sum(place[2] for place in together)
            data = self._payloads.read_part(self._workspace, name, begin, length)
            for _, offset, size in together:
                yield self._decoded(number, data[offset - begin : offset - begin + size])
                number += 1

    def _together(self, number: int, end: int) -> int:
        """Up to which line those after `number` lie side by side in one file, and are not too much at once."""
        name, offset, length = self._places[number]
        upto, ahead = number + 1, self._payloads.place.ahead
        while upto < end:
            other, next_offset, next_length = self._places[upto]
            length += next_length
            if other != name or next_offset != offset + length - next_length or length > ahead:
                break
            upto += 1
        return upto

    def _decoded(self, number: int, data: bytes) -> list[Any]:
        line: list[Any] = orjson.loads(data)
        if self.manifest.nested:
            line = revived(line, self._payloads, self._workspace)
        while len(self._kept) >= KEPT_LINES:
            self._kept.pop(next(iter(self._kept)), None)
        self._kept[number] = line
        return line


class NotStored(Exception):
    """A list stands inside the value that must be stored first, which may take long."""


@dataclass(slots=True)
class Encoder:
    """Writes values as JSON; long lists stand in them as their names. `refs`: those lists."""

    payloads: Payloads
    workspace_id: str
    largest: int = 0
    may_store: bool = True
    refs: list[Ref] = field(default_factory=list)

    @property
    def nested(self) -> bool:
        return bool(self.refs)

    def dumps(self, value: Any) -> bytes:
        """Raises TypeError for what JSON cannot hold, NotStored if it must store and may not."""
        try:
            return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=self._inner)
        except TypeError as error:
            if isinstance(error.__cause__, NotStored):
                raise error.__cause__ from None
            raise

    def _inner(self, value: Any) -> Any:
        if not isinstance(value, LongList):
            raise TypeError(f"{type(value).__name__} is no JSON value")
        if isinstance(value, StoredList):
            ref = Ref(value.id, len(value), value.size)
        elif self.may_store:
            ref = put_items(self.payloads, self.workspace_id, value, self.largest)
        else:
            raise NotStored
        self.refs.append(ref)
        return {INNER: ref.hash, "count": ref.count}


def revived(value: Any, payloads: Payloads, workspace_id: str) -> Any:
    """A value as it came from JSON, with the stored lists inside it as such."""
    if isinstance(value, Mapping):
        if len(value) == 2 and INNER in value and "count" in value:
            return StoredList(payloads, workspace_id, value[INNER], value["count"])
        return {key: revived(inner, payloads, workspace_id) for key, inner in value.items()}
    return [revived(inner, payloads, workspace_id) for inner in value] if isinstance(value, list) else value


class ListWriter:
    """A list that comes about: `extend` it, then `close` it for its Ref. Left without, nothing remains of it."""

    def __init__(self, payloads: Payloads, workspace_id: str, largest: int, line_bytes: int = 0) -> None:
        self._payloads, self._workspace, self._largest, self._line_bytes = (
            payloads,
            workspace_id,
            largest,
            line_bytes or LINE_BYTES,
        )
        self._encoder = Encoder(payloads, workspace_id, largest)
        self._digest = hashlib.sha256()
        self._index: list[tuple[int, int, int]] = []
        self._texts: list[bytes] = []
        self._pending = 0
        self._flat, self._files = True, False
        self.count = self.size = 0

    def __enter__(self) -> ListWriter:
        self._open = ExitStack()
        self._file, self._keep = self._open.enter_context(self._payloads.writing(self._workspace))
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def extend(self, items: Iterable[Any]) -> None:
        """Writes more items. Raises OutputTooLarge above the limit, TypeError for what JSON cannot hold."""
        for item in items:
            text = self._encoder.dumps(item)
            self._flat = self._flat and b"[" not in text
            self._files = self._files or FILE_MARK in text
            self._texts.append(text)
            self._pending += len(text) + 1
            if self._pending >= self._line_bytes:
                self._write_line()

    def close(self) -> Ref:
        """Makes the list durable."""
        self._write_line()
        name = self._digest.hexdigest()
        self._keep(name)
        flat = self._flat and not self._encoder.nested
        parts = [(name, self._index)] if self._index else []
        manifest = Manifest(self.count, self.size, flat, self._encoder.nested, parts, self._files)
        return put_manifest(self._payloads, self._workspace, manifest, tuple(self._encoder.refs))

    def _write_line(self) -> None:
        if not self._texts:
            return
        line = b"[" + b",".join(self._texts) + b"]\n"
        self._index.append((self.size, len(line), len(self._texts)))
        self.size += len(line)
        self.count += len(self._texts)
        self._texts, self._pending = [], 0
        if self.size > self._largest:
            raise too_large(f"list of {self.count:,} items", self.size, self._largest)
        self._digest.update(line)
        self._file.write(line)


def put_items(payloads: Payloads, workspace_id: str, items: Iterable[Any], largest: int) -> Ref:
    """Stores a list, whatever its length."""
    with ListWriter(payloads, workspace_id, largest) as writer:
        writer.extend(items)
        return writer.close()


def put_manifest(payloads: Payloads, workspace_id: str, manifest: Manifest, inner: tuple[Ref, ...] = ()) -> Ref:
    """Stores a manifest, whose lines are stored already."""
    return Ref(payloads.put(workspace_id, manifest.dumps()), manifest.count, manifest.size, inner)


def joined(lists: Sequence[StoredList], payloads: Payloads, workspace_id: str, largest: int) -> Ref:
    """One list out of several, one after the other; nothing is copied. Raises OutputTooLarge above the limit."""
    found = [one.manifest for one in lists]
    count, size = sum(one.count for one in found), sum(one.size for one in found)
    if size > largest:
        raise too_large(f"list of {count:,} items", size, largest)
    whole = Manifest(
        count,
        size,
        all(one.flat for one in found),
        any(one.nested for one in found),
        [part for one in found for part in one.parts],
        any(one.files for one in found),
    )
    return put_manifest(payloads, workspace_id, whole)

"""A mapped node over a long list: part by part, so that never more than one part's items and results are in memory.

Each part leaves one row (`0-8191`) that names its results in the payload store, by output. What the node gives is
joined from its parts; a run that is resumed does only the parts that have no row.
"""

from __future__ import annotations

import asyncio
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.broadcast import Axis, Mapped, Value
from engine.broadcast.collecting import ERROR
from engine.broadcast.paths import compact
from engine.contract import MAIN, LongList
from engine.run.ledger import Ledger
from engine.run.noderows import NodeRows
from engine.run.packing import patiently
from engine.store.lists import Ref
from engine.store.storage import LONG_BYTES

LONGEST_PART = 8_192

Stored = Mapping[str, Mapping[str, Any]]


def is_long(call: Mapped, ledger: Ledger) -> bool:
    """Whether a node is to be called part by part: over a list that is not in memory, or of many items."""
    if call.shape is not None:
        return False
    return call.length > ledger.storage.long_items or any(isinstance(data, LongList) for data, _, _ in readers(call))


def readers(call: Mapped) -> Sequence[tuple[Sequence[Any], Sequence[int | None], Any]]:
    """The lists that map the node."""
    return tuple(call.readers.values())


class Parts:
    """The parts of one node's calls: which are known from before, and what all of them came to."""

    def __init__(self, rows: NodeRows, call: Mapped, length: int) -> None:
        self._rows, self._call, self.length = rows, call, length
        self._ledger = rows.ledger
        self._known = rows.past.parts
        rows.mapped, rows.total = True, length
        self.size = self._fitting()
        for item, held in self._known.items():
            self._count(item, held)

    def _fitting(self) -> int:
        """How many items a part has: so that what it reads is a few MB. The same for the same list, at any time."""
        bytes_each = sum(data.size // len(data) for data, _, _ in readers(self._call) if isinstance(data, LongList))
        fits = max(16, 2 * LONG_BYTES // max(1, bytes_each))
        return min(LONGEST_PART, self._ledger.storage.long_items, fits)

    def todo(self, share: range | None = None) -> Iterator[range]:
        """The parts without a row, of all or of a shard's share."""
        for start in range(0, self.length, self.size):
            part = range(start, min(start + self.size, self.length))
            if name(part) not in self._known and (share is None or start in share):
                yield part

    def take(self, item: str, held: Stored) -> None:
        """Know of a part that another worker did."""
        if item not in self._known:
            self._known[item] = held
            self._count(item, held)

    def _count(self, item: str, held: Stored) -> None:
        start, _, end = item.partition("-")
        failed = held[ERROR]["count"] if ERROR in held else 0
        self._rows.counted(int(end) - int(start) + 1 - failed, failed)

    async def enter(self, part: range) -> Mapped:
        """Read what the part's calls need, and make room for their results."""
        call = await asyncio.to_thread(self._call.part, part.start, part.stop)
        self._rows.take_over(True, len(part), call.path_at, first=part.start, total=self.length)
        return call

    async def leave(self, part: range, outputs: Mapping[str, Value], dealt: Mapping[str, Sequence[int]]) -> None:
        """Store what the part came to, and note its row. `dealt`: which of its calls each output got something from.

        Raises OutputTooLarge.
        """
        held = {port: await self._packed(value.data, dealt[port], len(part)) for port, value in outputs.items()}
        self._known[name(part)] = held
        self._ledger.note(self._rows.row("done", name(part), output=held))
        self._ledger.flush()

    async def _packed(self, items: Any, dealt: Sequence[int], length: int) -> dict[str, Any]:
        storage, workspace_id = self._ledger.storage, self._ledger.workspace_id
        ref: Ref = await patiently(storage.put_json, workspace_id, items)
        return {**self._ledger.noted(ref), "dealt": "" if len(dealt) == length else packed_numbers(dealt, length)}

    async def outputs(self) -> dict[str, Value]:
        """What the node gives, all parts being known. Raises OutputTooLarge."""
        starts = range(0, self.length, self.size)
        parts = [self._known[name(range(start, min(start + self.size, self.length)))] for start in starts]
        ports = list(dict.fromkeys(port for held in parts for port in held))
        if not ports and self._call.has_main:
            return {MAIN.name: Value([], (self._call.outer.axis,))}
        return {port: await self._joined([held.get(port) for held in parts]) for port in ports}

    async def _joined(self, parts: Sequence[Mapping[str, Any] | None]) -> Value:
        storage, workspace_id = self._ledger.storage, self._ledger.workspace_id
        lists = [storage.list_of(workspace_id, held["ref"], held["count"]) for held in parts if held]
        ref = await patiently(storage.join, workspace_id, lists)
        self._ledger.limits.counted(ref)
        whole: Sequence[Any] = storage.list_of(workspace_id, ref.hash, ref.count or 0)
        if not storage.is_long(ref.count, ref.size):
            whole = await asyncio.to_thread(list, whole)
        outer = self._call.outer
        if ref.count == outer.length:
            return Value(whole, (outer.axis,))
        return Value(whole, (Axis(outer.axis.origin, self._paths(parts)),))

    def _paths(self, parts: Sequence[Mapping[str, Any] | None]) -> Sequence[int]:
        paths, found = self._call.outer.paths, array("q")
        for start, held in zip(range(0, self.length, self.size), parts, strict=True):
            if held is not None:
                numbers = unpacked_numbers(held["dealt"]) if held["dealt"] else range(held["count"])
                found.extend(paths[start + number] for number in numbers)
        return compact(found)


def name(part: range) -> str:
    """The `item` of the part's row."""
    return f"{part.start}-{part.stop - 1}"


def packed_numbers(numbers: Sequence[int], length: int) -> str:
    """Numbers below `length` as a bitmap in base64: a kilobyte and a half for 8,192 items."""
    bits = bytearray((length + 7) // 8)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return b64encode(bits).decode()


def unpacked_numbers(text: str) -> list[int]:
    """What `packed_numbers` was given, in order."""
    bits = b64decode(text)
    return [(at << 3) + bit for at, byte in enumerate(bits) for bit in range(8) if byte >> bit & 1]

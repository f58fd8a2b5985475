"""Values between memory and rows: small ones stand in the row, others in the payload store, long lists by reference."""

from __future__ import annotations

import asyncio
import threading
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel

from engine import doors
from engine.broadcast import Axis, Value
from engine.contract import LongList, OutputTooLarge
from engine.run.limits import Limits
from engine.run.mapping import LONGEST_TURN
from engine.run.outcome import plain
from engine.store.lists import Encoder, NotStored, Ref, StoredList
from engine.store.places import StoreUnavailable
from engine.store.storage import INLINE_BYTES, MEASURED, Keeper, Storage
from engine.telemetry import get_logger

LONG_LIST = 2_000  # not worth measuring: it goes to the payload store, where it can be read by the page
LONG_PATHS = 2_000  # paths of items above this are a list of the payload store themselves

STORE_PATIENCE_SECONDS = 300.0
STORE_PAUSE_SECONDS = 2.0

T = TypeVar("T")
Unpack = Callable[[Mapping[str, Any]], Awaitable[Any]]

log = get_logger(__name__)

# Generators of nodes run here, a few at a time, so that they never take the threads that others wait for.
_streams = ThreadPoolExecutor(2, thread_name_prefix="stream")


class Packing:
    """The stored form of values of one run: `{"v": …}`, or `{"ref": …, "count": …, "size": …}` for what is larger.

    `lists` beside `v` says that stored lists stand inside the value, `doors` that marks stand there in place of the
    tokens of one-time addresses.
    """

    def __init__(self, storage: Storage, workspace_id: str, limits: Limits) -> None:
        self.storage, self.workspace_id, self.limits = storage, workspace_id, limits
        self.doors = doors.Doors()
        self._payloads: list[Ref] = []

    async def packed(self, data: Any) -> dict[str, Any]:
        """The stored form of a value.

        Raises:
            OutputTooLarge: the value is above the limit, or cannot be written as JSON (a number of more than 64 bits).
        """
        if isinstance(data, LongList) or _is_long(data):
            return await self._stored(data)
        encoder = Encoder(self.storage, self.workspace_id, may_store=False)
        try:
            text = encoder.dumps(data)
        except NotStored:
            return await self._stored(data)
        except TypeError as error:
            raise _no_json(error) from None
        if len(text) > INLINE_BYTES:
            return await self._stored(data)
        bare = self.doors.hidden(text) if self.doors else text
        held: dict[str, Any] = {"v": orjson.Fragment(bare)}
        if bare != text:
            held["doors"] = True
        if encoder.nested:
            self._note(*encoder.refs)
            held["lists"] = True
        return held

    async def _stored(self, data: Any) -> dict[str, Any]:
        bare = await asyncio.to_thread(self.doors.marked, data) if self.doors else data
        try:
            ref = await patiently(self.storage.put_json, self.workspace_id, bare)
        except TypeError as error:
            raise _no_json(error) from None
        return self.noted(ref) if bare is data else {**self.noted(ref), "doors": True}

    def noted(self, ref: Ref) -> dict[str, Any]:
        """The stored form of what is stored already. Raises OutputTooLarge above what a run may store."""
        self._note(ref)
        return {"ref": ref.hash, "count": ref.count, "size": ref.size}

    def _note(self, *refs: Ref) -> None:
        for ref in refs:
            self.limits.stores(ref)
            self._payloads += [ref, *ref.inner]

    async def packed_outputs(self, outputs: Mapping[str, Value]) -> dict[str, Any]:
        """The output column of a node's closing row: each port's value with its origin."""
        return {
            port: {**await self.packed(value.data), "o": [await self._packed_axis(axis) for axis in value.origin]}
            for port, value in outputs.items()
        }

    async def _packed_axis(self, axis: Axis) -> dict[str, Any]:
        if isinstance(axis.paths, array) and len(axis.paths) > LONG_PATHS:
            return {"of": axis.origin, "at": await self._stored(_Numbers(axis.paths))}
        return axis.to_json()

    async def packed_ports(self, fired: Mapping[str, Any]) -> dict[str, Any]:
        """The output column of an item's row."""
        return {port: await self.packed(data) for port, data in fired.items()}

    async def unpacked(self, stored: Mapping[str, Any]) -> Any:
        """The value behind a stored form; a long list as a reference."""
        if stored.get("doors"):
            value = await patiently(self._with_marks, stored)
            self.doors.add(*doors.named(value))
            return doors.shown(value)
        if "ref" not in stored:
            return self.storage.value_of(self.workspace_id, stored)
        return await patiently(self._read, stored)

    def _read(self, stored: Mapping[str, Any]) -> Any:
        value = self.storage.value_of(self.workspace_id, stored)
        if isinstance(value, StoredList):
            _ = value.manifest  # here, where it may block and is tried again, not where it is first looked at
        return value

    def _with_marks(self, stored: Mapping[str, Any]) -> Any:
        """What marks are to be replaced in is held in memory, however long it is."""
        if "ref" in stored:
            return self.storage.get_json(self.workspace_id, stored["ref"])
        return self.storage.value_of(self.workspace_id, stored)

    def light(self, outputs: Mapping[str, Value], packed: Mapping[str, Any]) -> dict[str, Value]:
        """The outputs as the nodes after this one see them: what is long only by reference."""
        return {port: Value(self._light(value.data, packed[port]), value.origin) for port, value in outputs.items()}

    def _light(self, data: Any, held: Mapping[str, Any]) -> Any:
        if "ref" in held and not held.get("doors") and self.storage.is_long(held["count"], held["size"]):
            return self.storage.list_of(self.workspace_id, held["ref"], held["count"])
        return data

    async def portable(self, params: BaseModel) -> BaseModel:
        """The params of a call so that another process can read the lists in them."""
        stored = {
            name: self.storage.list_of(self.workspace_id, held["ref"], held["count"])
            for name, value in params
            if isinstance(value, LongList) and not value.portable
            for held in [await self._stored(value)]
        }
        return params.model_copy(update=stored) if stored else params

    async def kept(self, items: Iterator[Any] | AsyncIterator[Any]) -> Any:
        """What a generator gives, as a plain list while it is short, else stored while it comes about."""
        with Keeper(self.storage, self.workspace_id) as keeper:
            if isinstance(items, AsyncIterator):
                await self._gathered(items, keeper)
            elif _soon_done(items, keeper):
                return keeper.close()
            else:
                await self._drained(items, keeper)
            found = await patiently(keeper.close)
        self._note(*keeper.refs)
        return found

    @staticmethod
    async def _gathered(items: AsyncIterator[Any], keeper: Keeper) -> None:
        piece: list[Any] = []
        async for item in items:
            piece.append(item)
            if len(piece) >= MEASURED:
                await asyncio.to_thread(keeper.extend, plain(piece))
                piece = []
        await asyncio.to_thread(keeper.extend, plain(piece))

    @staticmethod
    async def _drained(items: Iterator[Any], keeper: Keeper) -> None:
        """In a thread, since reading blocks and a million rows take seconds. If cancelled, up to the next piece."""
        stop = threading.Event()

        def drain() -> None:
            while not stop.is_set() and (piece := list(islice(items, MEASURED))):
                keeper.extend(plain(piece))

        under_way = asyncio.get_running_loop().run_in_executor(_streams, drain)
        try:
            await asyncio.shield(under_way)
        except asyncio.CancelledError:
            stop.set()
            # The files that it writes to must not be taken away under it.
            await asyncio.gather(under_way, return_exceptions=True)
            raise


class _Numbers(LongList):
    """Numbers as a list that is written piece by piece."""

    flat = True

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def read(self, start: int, stop: int) -> list[Any]:
        return list(self._numbers[start:stop])


async def patiently(act: Callable[..., T], *given: Any) -> T:
    """What a blocking call of the payload store gives, made in a thread. May be made several times.

    What a step did is not to be lost because the store is away or full for a while, so it is waited for.
    Raises StoreUnavailable when that takes too long, and whatever else the call raises.
    """
    until = time.monotonic() + STORE_PATIENCE_SECONDS
    while True:
        try:
            return await asyncio.to_thread(act, *given)
        except StoreUnavailable as error:
            log.warning("the payload store is waited for", error=error.message, cause=error.cause)
            if time.monotonic() > until:
                raise
        await asyncio.sleep(STORE_PAUSE_SECONDS)


def _soon_done(items: Iterator[Any], keeper: Keeper) -> bool:
    """Take what comes at once; whether that was all. Most lists are short, and a thread costs more than they do."""
    until = time.monotonic() + LONGEST_TURN
    while time.monotonic() < until and not keeper.stores:
        piece = list(islice(items, MEASURED))
        if not piece:
            return True
        keeper.extend(plain(piece))
    return False


async def value_of(held: Mapping[str, Any], unpack: Unpack) -> Value:
    """The value at an output, with the origin of its items, as a node's closing row holds it."""
    return Value(await unpack(held), tuple([await _axis_of(axis, unpack) for axis in held.get("o") or ()]))


async def _axis_of(held: Mapping[str, Any], unpack: Unpack) -> Axis:
    if not isinstance(held.get("at"), Mapping):
        return Axis.from_json(held)
    numbers = await unpack(held["at"])
    return Axis(held["of"], await asyncio.to_thread(lambda: array("q", numbers)))


def _no_json(error: TypeError) -> OutputTooLarge:
    return OutputTooLarge(
        f"The result cannot be stored: {error}.",
        hint="Numbers take at most 64 bits; turn larger ones into text.",
    )


def _is_long(value: Any) -> bool:
    return isinstance(value, list) and len(value) > LONG_LIST

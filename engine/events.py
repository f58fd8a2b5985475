"""Telling what happened: one Redis stream per run, one per workspace. Ids, states and counts only, never data.

Events are told after the commit that made them true, so one can be lost in between; followers read the rows first, drop
what is not above their last `seq`, and read the rows again on a gap and every few seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Literal, NamedTuple

import orjson
import redis
import redis.asyncio
import structlog

RUN_STREAM = "weft:run:"
WORKSPACE_STREAM = "weft:ws:"
RUN_LENGTH = 2_000
WORKSPACE_LENGTH = 1_000
KEEP_SECONDS = 3_600
BLOCK_MILLISECONDS = 1_000
READ_COUNT = 200

# ARGV: seconds to keep a stream, then name, length, entry, and whether to keep on, for each stream.
APPEND = """
for i = 2, #ARGV, 4 do
    redis.call('xadd', ARGV[i], 'maxlen', '~', ARGV[i + 1], '*', 'e', ARGV[i + 2])
    if ARGV[i + 3] == '1' then redis.call('expire', ARGV[i], ARGV[1]) end
end
"""

log = structlog.get_logger()


class Event(NamedTuple):
    """One change of state. `seq` grows by one per event of a run; `at` is milliseconds since 1970 in UTC.

    `counts` of a mapped step are {total, done, failed}, whichever are known. `scope` is the body of a container that
    the step belongs to, see `engine.models.Step`.
    """

    run_id: str
    workspace_id: str
    seq: int
    kind: Literal["run", "step"]
    status: str
    at: int
    node_id: str = ""
    item: str = ""
    counts: dict[str, Any] | None = None
    workflow_id: str = ""
    scope: str = ""

    def packed(self) -> dict[str, Any]:
        """The event as it travels: fields that say nothing are left out."""
        return {name: value for name, value in zip(self._fields, self, strict=True) if value not in ("", None)}


def unpack(data: bytes) -> list[Event]:
    """The events of one stream entry."""
    return [Event(**values) for values in orjson.loads(data)]


def publish(pipe: redis.client.Pipeline, events: Iterable[Event]) -> None:
    """Appends events to their streams; call after the commit that made them true. The caller executes the pipeline."""
    streams: dict[tuple[str, int], list[dict[str, Any]]] = {}
    moved: set[str] = set()
    for event in events:
        packed = event.packed()
        streams.setdefault((RUN_STREAM + event.run_id, RUN_LENGTH), []).append(packed)
        if event.kind == "run":
            streams.setdefault((WORKSPACE_STREAM + event.workspace_id, WORKSPACE_LENGTH), []).append(packed)
            moved.add(RUN_STREAM + event.run_id)
    if not streams:
        return
    arguments: list[Any] = [KEEP_SECONDS]
    for (stream, length), entries in streams.items():
        arguments += (stream, length, orjson.dumps(entries), int(stream in moved))
    pipe.eval(APPEND, 0, *arguments)


class Follower:
    """Reads all followed streams with one connection and deals the events out to whoever subscribed.

    `start` and `stop` belong to the process's event loop. A subscription begins with the stream's first kept entry, so
    that events told between reading the rows and subscribing are not missed.
    """

    def __init__(self, url: str) -> None:
        self._client = redis.asyncio.Redis.from_url(url, socket_timeout=BLOCK_MILLISECONDS / 1000 + 5)
        self._queues: dict[str, set[asyncio.Queue[Event]]] = {}
        self._last: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to read."""
        self._task = asyncio.create_task(self._live(), name="follower")

    async def stop(self) -> None:
        """Ends the reading and closes the connection."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._client.aclose()

    def subscribe(self, run_id: str) -> AsyncIterator[Event]:
        """The events of a run as they are told, until the iterator is closed."""
        return self._follow(RUN_STREAM + run_id, "0")

    def subscribe_workspace(self, workspace_id: str) -> AsyncIterator[Event]:
        """The runs of a workspace changing state, from now on, until the iterator is closed."""
        return self._follow(WORKSPACE_STREAM + workspace_id, "$")

    async def _follow(self, stream: str, start: str) -> AsyncIterator[Event]:
        mine: asyncio.Queue[Event] = asyncio.Queue()
        others = self._queues.setdefault(stream, set())
        if others and start == "0":
            for event in await self._past(stream):
                mine.put_nowait(event)
        elif not others:
            self._last[stream] = await self._newest(stream) if start == "$" else start
        others.add(mine)
        self._changed.set()
        try:
            while True:
                yield await mine.get()
        finally:
            others.discard(mine)
            if not others:
                self._queues.pop(stream, None)
                self._last.pop(stream, None)

    async def _past(self, stream: str) -> list[Event]:
        try:
            entries = await self._client.xrange(stream)
        except redis.RedisError:
            return []
        return [event for _, fields in entries for event in unpack(fields[b"e"])]

    async def _newest(self, stream: str) -> str:
        try:
            entries = await self._client.xrevrange(stream, count=1)
        except redis.RedisError:
            return "0"
        return entries[0][0].decode() if entries else "0"

    async def _live(self) -> None:
        while True:
            if not self._queues:
                self._changed.clear()
                await self._changed.wait()
            try:
                await self._read()
            except (redis.RedisError, OSError) as error:
                log.warning("events.not_read", error=str(error))
                # A Redis that lost its data counts from the beginning again.
                self._last = dict.fromkeys(self._last, "0")
                await asyncio.sleep(0.5)

    async def _read(self) -> None:
        streams: dict[Any, Any] = {stream: self._last.setdefault(stream, "0") for stream in self._queues}
        self._changed.clear()
        reading = asyncio.ensure_future(self._client.xread(streams, count=READ_COUNT, block=BLOCK_MILLISECONDS))
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({reading, changed}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                for name, entries in reading.result() or ():
                    self._deal(name.decode(), entries)
        finally:
            # New streams join the next read; cancelling drops the connection that is blocked in this one.
            changed.cancel()
            reading.cancel()
            await asyncio.gather(reading, changed, return_exceptions=True)

    def _deal(self, stream: str, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        if stream not in self._queues:
            return
        for entry_id, fields in entries:
            self._last[stream] = entry_id.decode()
            for event in unpack(fields[b"e"]):
                for mine in self._queues[stream]:
                    mine.put_nowait(event)

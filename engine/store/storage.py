"""The payload store: big values, lists of any length and files, each workspace by itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from typing import Any

import orjson

from engine.contract.lists import LongList, pieces_of
from engine.settings import Settings, settings
from engine.store.folder import Folder
from engine.store.lists import LIST_MARK, Encoder, ListWriter, Ref, StoredList, joined, put_items, revived
from engine.store.payloads import LARGEST_FILE_BYTES, Payloads, too_large
from engine.store.places import Place

INLINE_BYTES = 64 * 1024
LARGEST_VALUE_BYTES = 256 * 1024 * 1024
LONG_ITEMS = 10_000  # a list with more items, or more bytes, is not held in memory
LONG_BYTES = 4 * 1024 * 1024
MEASURED = 64  # items that are taken up between two looks at their size
VALUE_MARK = b"weft-value\n"  # before a value that stored lists stand in


class Storage(Payloads):
    """Values in one place. Every call names the workspace, and finds only what that workspace stored."""

    def __init__(
        self,
        place: Place,
        largest_value: int = LARGEST_VALUE_BYTES,
        largest_file: int = LARGEST_FILE_BYTES,
        long_items: int = LONG_ITEMS,
    ) -> None:
        super().__init__(place, largest_file)
        self.largest_value = largest_value
        self.long_items = long_items

    def put_json(self, workspace_id: str, value: Any) -> Ref:
        """Stores a JSON value, whatever its size. Raises OutputTooLarge above the limit for one value."""
        if isinstance(value, StoredList):
            return Ref(value.id, len(value), value.size)
        if isinstance(value, list | LongList):
            return put_items(self, workspace_id, value, self.largest_value)
        encoder = Encoder(self, workspace_id, self.largest_value)
        data = encoder.dumps(value)
        if len(data) > self.largest_value:
            raise too_large("value", len(data), self.largest_value)
        name = self.put(workspace_id, VALUE_MARK + data if encoder.nested else data)
        return Ref(name, None, len(data), tuple(encoder.refs))

    def get_json(self, workspace_id: str, payload_id: str) -> Any:
        """The stored value, a list as a whole. Raises NotFound if this workspace stored no such thing."""
        data = self.read(workspace_id, payload_id)
        if data.startswith(LIST_MARK):
            return [item for piece in self.list_of(workspace_id, payload_id).pieces() for item in piece]
        if data.startswith(VALUE_MARK):
            return revived(orjson.loads(data[len(VALUE_MARK) :]), self, workspace_id)
        return orjson.loads(data)

    def page(self, workspace_id: str, payload_id: str, start: int, stop: int) -> list[Any]:
        """The items `start` to `stop` (not included) of a stored list, reading no more than the lines that hold them.

        Raises NotFound if this workspace stored no such thing, ValueError if it is not a list.
        """
        return self.list_of(workspace_id, payload_id).read(max(0, start), stop)

    def value_of(self, workspace_id: str, held: Mapping[str, Any]) -> Any:
        """What a row's stored form (`{"v": …}` or `{"ref": …}`) stands for; a long list by reference. May block.

        Raises NotFound if this workspace stored no such thing.
        """
        if "ref" not in held:
            value = held.get("v")
            return revived(value, self, workspace_id) if held.get("lists") else value
        if self.is_long(held.get("count"), held.get("size", 0)):
            return self.list_of(workspace_id, held["ref"], held["count"])
        return self.get_json(workspace_id, held["ref"])

    def list_of(self, workspace_id: str, payload_id: str, count: int = 0) -> StoredList:
        """A stored list, of which nothing is read yet. `count` is the number of its items, as its Ref says."""
        return StoredList(self, workspace_id, payload_id, count)

    def writer(self, workspace_id: str) -> ListWriter:
        """For a list that comes about piece by piece; a context manager."""
        return ListWriter(self, workspace_id, self.largest_value)

    def join(self, workspace_id: str, lists: Sequence[StoredList]) -> Ref:
        """One list out of several; nothing is copied. Raises OutputTooLarge above the limit for one value."""
        return joined(lists, self, workspace_id, self.largest_value)

    def keep(self, workspace_id: str, items: Iterable[Any]) -> list[Any] | StoredList:
        """The items as a plain list if they are few, else stored as they come, so that never all are in memory."""
        if isinstance(items, StoredList):
            return items
        with Keeper(self, workspace_id) as keeper:
            for piece in pieces_of(items, MEASURED):
                keeper.extend(piece)
            return keeper.close()

    def is_long(self, count: int | None, size: int) -> bool:
        """Whether a list of so many items and bytes is better not held in memory."""
        return count is not None and (count > self.long_items or size > LONG_BYTES)


class Keeper:
    """Items that come one after the other: `extend` and `close` it. Few are held, many are written as they come."""

    def __init__(self, store: Storage, workspace_id: str) -> None:
        self._store, self._workspace = store, workspace_id
        self._held: list[Any] = []
        self._bytes = 0
        self._open = ExitStack()
        self._writer: ListWriter | None = None
        self.refs: list[Ref] = []

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    @property
    def stores(self) -> bool:
        """Whether they have become many: then to go on blocks."""
        return self._writer is not None

    def extend(self, items: list[Any]) -> None:
        """Take some more. Raises OutputTooLarge above the limit, TypeError for what JSON cannot hold."""
        if self._writer is not None:
            self._writer.extend(items)
            return
        self._held += items
        self._bytes += len(orjson.dumps(items, option=orjson.OPT_NON_STR_KEYS, default=lambda _: None))
        if self._store.is_long(len(self._held), self._bytes):
            self._writer = self._open.enter_context(self._store.writer(self._workspace))
            self._writer.extend(self._held)
            self._held = []

    def close(self) -> list[Any] | StoredList:
        """All of them; what was stored is durable and named in `refs`."""
        if self._writer is None:
            return self._held
        ref = self._writer.close()
        self.refs.append(ref)
        return self._store.list_of(self._workspace, ref.hash, ref.count or 0)


def is_large(data: bytes) -> bool:
    """Whether the JSON text of a value is above the limit up to which rows hold values themselves."""
    return len(data) > INLINE_BYTES


def place_of(config: Settings) -> Place:
    """Where the payloads of these settings lie: the bucket that they name, or a folder in the home."""
    if not config.payloads:
        return folder_of(config)
    from engine.store.bucket import Bucket  # noqa: PLC0415 - 15 MB that nobody needs who stores on disk
    from engine.store.s3 import Address  # noqa: PLC0415

    address = Address(
        config.payloads_bucket,
        config.payloads_prefix,
        config.s3_endpoint,
        config.s3_region,
        config.s3_access_key_id,
        config.s3_secret_access_key,
        config.s3_session_token,
    )
    return Bucket(address, config.home / "spool")


def folder_of(config: Settings) -> Folder:
    """The folder in the home that payloads lie in unless the settings name a bucket."""
    return Folder(config.home / "payloads")


@lru_cache(maxsize=4)
def _opened(config: Settings, _process: int) -> Storage:
    return Storage(place_of(config), config.output_megabytes * 1024 * 1024)


def storage() -> Storage:
    """The payload store of this process's settings."""
    return _opened(settings(), os.getpid())

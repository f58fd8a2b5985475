"""Payloads as objects in a bucket of an S3-compatible store (decision 0037).

    prefix/<workspace>/aa/<sha256>
    prefix/<workspace>/aside/<sha256>/<random>    a copy that is left for a while (engine.store.collector)

S3 renames nothing and gives nothing a new time. So storing again uploads again, unless it was stored a moment ago; and
setting aside copies under a name that nobody ever used, then deletes the object by a request that the store itself
refuses once it is older than `FENCE`. Whatever such a request takes away has a copy that is younger than the grace.
"""

from __future__ import annotations

import io
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import httpx
import obstore
from obstore.exceptions import BaseError

from engine.contract.errors import NotFound
from engine.store.places import ASIDE, OWNER, Entry, Keep, StoreUnavailable, checked, checked_owner, missing
from engine.store.s3 import TIMEOUT, Address, Reader, opened, status_of, unavailable

READER_BYTES = 4 * 1024 * 1024
AHEAD_BYTES = 1024 * 1024  # a request takes some 20 ms, in which a megabyte comes
PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 3
ASKED_FIRST_BYTES = 1024 * 1024  # from here on it is worth asking whether it is there before it is uploaded
FRESH_SECONDS = 600.0
FENCE = timedelta(minutes=5)  # with a clock that is up to 15 minutes off, as S3 allows: 20 minutes, of an hour's grace
AT_ONCE = 16  # requests of the collector
DRAWER = 2
EMPTY_RANGE = "416"
STORED_NAME = re.compile(r"[^/]+/[0-9a-f]{2}/([0-9a-f]{64})")
ASIDE_NAME = re.compile(rf"[^/]+/{ASIDE}/([0-9a-f]{{64}})/[0-9a-f]+")

T = TypeVar("T")


class Bucket:
    """A place in a bucket (`engine.store.places.Place`). `spool`: a folder for what is about to be uploaded."""

    ahead = AHEAD_BYTES

    def __init__(self, address: Address, spool: Path) -> None:
        self.address, self._spool = address, spool
        self._store = opened(address)

    def __reduce__(self) -> tuple[Any, ...]:
        return Bucket, (self.address, self._spool)

    def __str__(self) -> str:
        return str(self.address)

    def size(self, owner: str, name: str) -> int | None:
        with suppress(NotFound):
            return self._found(owner, name, lambda key: int(obstore.head(self._store, key)["size"]))
        return None

    def read(self, owner: str, name: str) -> bytes:
        def whole(key: str) -> bytes | None:
            result = obstore.get(self._store, key)
            return bytes(result.bytes()) if result.meta["size"] <= READER_BYTES else None

        data = self._found(owner, name, whole)
        if data is None:  # in pieces, since one answer must come within the time limit of a request
            with self.open(owner, name) as file:
                data = file.read()
        return data

    def read_part(self, owner: str, name: str, offset: int, length: int) -> bytes:
        if length <= 0:
            return b""
        return self._found(owner, name, lambda key: self._range(key, offset, length))

    def open(self, owner: str, name: str) -> BinaryIO:
        size = self.size(owner, name)
        if size is None:
            raise missing()
        reader = Reader(lambda offset, length: self.read_part(owner, name, offset, length), size)
        return cast(BinaryIO, io.BufferedReader(reader, READER_BYTES))

    def put(self, owner: str, name: str, data: bytes) -> None:
        self._upload(_key(owner, name), data, len(data))

    @contextmanager
    def writing(self, owner: str) -> Iterator[tuple[BinaryIO, Keep]]:
        checked_owner(owner)
        self._spool.mkdir(parents=True, exist_ok=True)

        def keep(name: str) -> None:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            self._upload(_key(owner, name), file, size)

        # Under no name, so that nothing of it is left behind whatever happens.
        with tempfile.TemporaryFile(dir=self._spool) as opened:
            file = cast(BinaryIO, opened)
            yield file, keep

    def check(self) -> None:
        with self._asked():
            next(iter(obstore.list(self._store, "check/", chunk_size=1)), None)

    def try_out(self) -> None:
        key, data = f"check/{secrets.token_hex(8)}", secrets.token_bytes(32)
        with self._asked():
            obstore.put(self._store, key, data)
            read = bytes(obstore.get(self._store, key).bytes())
            obstore.copy(self._store, key, f"{key}-copy")
            obstore.delete(self._store, [key, f"{key}-copy"])
        if read != data:
            raise StoreUnavailable("The payload store gives back other bytes than it was given.", str(self))

    def owners(self) -> list[str]:
        with self._asked():
            found = obstore.list_with_delimiter(self._store)["common_prefixes"]
        return sorted(name for name in found if OWNER.fullmatch(name) and name != "check")

    def aside(self, owner: str) -> Iterator[Entry]:
        checked_owner(owner)
        return self._entries(f"{owner}/{ASIDE}", ASIDE_NAME)

    def stored(self, owner: str) -> Iterator[Entry]:
        checked_owner(owner)
        return self._entries(owner, STORED_NAME)

    def set_aside(self, owner: str, names: Sequence[str]) -> int:
        def move(key: str, delete: str) -> bool:
            with self._asked(), suppress(FileNotFoundError):
                obstore.copy(self._store, key, f"{owner}/{ASIDE}/{key[-64:]}/{secrets.token_hex(8)}")
                return self._fenced(client, delete)
            return False

        keys = [_key(owner, name) for name in names]
        # Signed before anything is copied: from then on the time runs in which the store obeys.
        signed = obstore.sign(self._store, "DELETE", keys, FENCE) if keys else []
        with httpx.Client(timeout=TIMEOUT.total_seconds()) as client, ThreadPoolExecutor(AT_ONCE) as pool:
            return sum(pool.map(move, keys, signed))

    def put_back(self, owner: str, entries: Sequence[Entry], old: float) -> int:
        def copy(entry: Entry) -> bool:
            with self._asked(), suppress(FileNotFoundError):
                if not self._is_there(_key(owner, entry.name)):
                    obstore.copy(self._store, entry.copy, _key(owner, entry.name))
                    return True
                if entry.moment < old:
                    obstore.delete(self._store, entry.copy)
            return False

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return sum(pool.map(copy, entries))

    def delete(self, owner: str, entries: Sequence[Entry]) -> list[Entry]:
        with self._asked():
            # Nobody ever stores anything under such a name again, so it does not matter when this arrives.
            obstore.delete(self._store, [entry.copy for entry in entries])
        return list(entries)

    def tidy(self, owner: str, before: float) -> None:
        """Nothing: a killed upload is no object. Its parts go by the bucket's own rule (docs/how-to/storage.md)."""

    def _upload(self, key: str, data: bytes | BinaryIO, size: int) -> None:
        if size >= ASKED_FIRST_BYTES and self._is_fresh(key):
            return
        with self._asked():
            obstore.put(
                self._store,
                key,
                data,
                use_multipart=size > PART_BYTES,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )

    def _is_fresh(self, key: str) -> bool:
        """Whether it was stored so lately that nobody will take it away before it is named."""
        with suppress(FileNotFoundError, BaseError):  # the upload itself will tell what is wrong
            return time.time() - obstore.head(self._store, key)["last_modified"].timestamp() < FRESH_SECONDS
        return False

    def _is_there(self, key: str) -> bool:
        with suppress(FileNotFoundError):
            obstore.head(self._store, key)
            return True
        return False

    def _found(self, owner: str, name: str, ask: Callable[[str], T]) -> T:
        """What `ask` gives for a payload, which is put in its place if it lies aside. Raises NotFound."""
        key = _key(owner, name)
        with self._asked():
            with suppress(FileNotFoundError):
                return ask(key)
            # The last again, since it may be put back between two looks.
            for copy in [found["path"] for found in self._listed(f"{owner}/{ASIDE}/{name}")]:
                with suppress(FileNotFoundError):
                    obstore.copy(self._store, copy, key)
                    break
            with suppress(FileNotFoundError):
                return ask(key)
        raise missing()

    def _range(self, key: str, offset: int, length: int) -> bytes:
        try:
            return bytes(obstore.get_range(self._store, key, start=offset, length=length))
        except BaseError as error:
            if status_of(error) == EMPTY_RANGE:
                return b""
            raise

    def _entries(self, prefix: str, names: re.Pattern[str]) -> Iterator[Entry]:
        for found in self._listed(prefix):
            if name := names.fullmatch(found["path"]):
                yield Entry(name.group(1), found["size"], found["last_modified"].timestamp(), found["path"])

    def _listed(self, prefix: str) -> Iterator[Any]:
        with self._asked():
            for some in obstore.list(self._store, prefix):
                yield from some

    def _fenced(self, client: httpx.Client, delete: str) -> bool:
        try:
            return client.delete(delete).is_success
        except httpx.HTTPError:
            return False  # it is still in its place then, beside the copy

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except BaseError as error:
            raise unavailable(error, self.address) from error
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise unavailable(error, self.address) from error
            raise


def _key(owner: str, name: str) -> str:
    checked(owner, name)
    return f"{owner}/{name[:DRAWER]}/{name}"

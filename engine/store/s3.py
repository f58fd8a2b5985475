"""A client of an S3-compatible store: which bucket, how it is asked, and what its answers mean to people."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from obstore.store import S3Store
from pydantic import SecretStr

from engine.store.places import StoreUnavailable

PATIENCE = timedelta(seconds=20)
TIMEOUT = timedelta(seconds=60)
CODE, SAID = re.compile(r"<Code>([^<]{1,80})</Code>"), re.compile(r"<Message>([^<]{1,300})</Message>")
STATUS = re.compile(r"status code: (\d{3})")
FULL = ("QuotaExceeded", "QuotaExceededException", "XMinioStorageFull", "InsufficientStorage", "StorageFull")


@dataclass(frozen=True, slots=True)
class Address:
    """Which bucket, where. What is empty is looked for as AWS's own tools do: environment, container, machine role."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    key: str = ""
    secret: SecretStr | None = None
    token: SecretStr | None = None

    def __str__(self) -> str:
        where = f" at {self.endpoint}" if self.endpoint else ""
        return f"s3://{'/'.join(part for part in (self.bucket, self.prefix) if part)}{where}"


def opened(address: Address) -> S3Store:
    """A client of this bucket. Asks nothing yet."""
    given = {
        "endpoint": address.endpoint,
        "region": address.region,
        "access_key_id": address.key,
        "secret_access_key": address.secret and address.secret.get_secret_value(),
        "session_token": address.token and address.token.get_secret_value(),
    }
    return S3Store(
        address.bucket,
        prefix=address.prefix or None,
        client_options={
            "allow_http": address.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": TIMEOUT,
            "user_agent": "weft",
        },
        retry_config={
            "max_retries": 100,  # the time rules
            "retry_timeout": PATIENCE,
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=5),
                "base": 2,
            },
        },
        **cast(Any, {name: value for name, value in given.items() if value}),
    )


class Reader(io.RawIOBase):
    """Bytes of an object, by requests for parts of it."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch, self._size, self._at = fetch, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        data = self._fetch(self._at, length)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def unavailable(error: Exception, address: Address) -> StoreUnavailable:
    """What an answer of the store means to people. Of its text only code and message are told, which hold no secret."""
    text = str(error)
    status = status_of(error)
    code, said = (found.group(1) if (found := one.search(text)) else "" for one in (CODE, SAID))
    cause = f"{address}: " + (f"{code or status} {said}".strip() if code or status else _first_line(text))
    if code == "NoSuchBucket":
        return StoreUnavailable("The bucket of the payload store does not exist.", cause)
    if code in FULL or status == "507":
        return StoreUnavailable("The payload store has no room left.", cause)
    if code == "RequestTimeTooSkewed":
        return StoreUnavailable("The payload store refuses, because the clock of this server is wrong.", cause)
    if status in ("401", "403"):
        return StoreUnavailable("The payload store refuses what Weft wants to do there.", cause)
    return StoreUnavailable("The payload store does not answer.", cause)


def status_of(error: Exception) -> str:
    """The HTTP status of a refusal; empty if nothing answered."""
    found = STATUS.search(str(error))
    return found.group(1) if found else ""


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0][:300]

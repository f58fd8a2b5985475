"""The two places that payloads can lie in, each with what a test does behind the product's back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from engine.settings import settings
from engine.store.bucket import Bucket
from engine.store.folder import Folder
from engine.store.places import ASIDE, Place
from engine.store.storage import place_of
from tests.servers import S3Server


class Shelf(Protocol):
    """A place of payloads in a test."""

    place: Place

    def age(self, seconds: float) -> None:
        """All that is stored was stored so much earlier."""

    def things(self) -> dict[str, int]:
        """All that lies there with its size, by its path."""


class FolderShelf:
    """A folder on disk."""

    def __init__(self, home: Path) -> None:
        self.root = home / "payloads"
        self.place = Folder(self.root)

    def age(self, seconds: float) -> None:
        for path in self.root.rglob("*"):
            moment = path.stat().st_mtime - seconds
            os.utime(path, (moment, moment))

    def things(self) -> dict[str, int]:
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.root)): path.stat().st_size for path in files}


class BucketShelf:
    """A bucket of a local S3 server."""

    def __init__(self, server: S3Server, bucket: str) -> None:
        self.server, self.bucket = server, bucket
        place = place_of(settings())
        assert isinstance(place, Bucket)
        self.place = place
        self.server.ask("requests", bucket=bucket)  # those that made it

    def age(self, seconds: float) -> None:
        self.server.ask("age", bucket=self.bucket, seconds=str(seconds))

    def things(self) -> dict[str, int]:
        return {found["path"]: found["size"] for found in self.place._listed("")}


def aside(shelf: Shelf) -> list[str]:
    """What is set aside."""
    return [path for path in shelf.things() if path.split("/")[1] == ASIDE]

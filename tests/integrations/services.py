"""The services a node may ask for, small but real: files in a folder, a log in a list, accounts in a dict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from engine.contract import File, NotFound, RunInfo
from engine.store.files import RunLists
from engine.store.folder import Folder
from engine.store.storage import Storage

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class FolderFiles:
    """Bytes by their hash. Can be sent to another process."""

    folder: Path

    def open(self, file: File) -> BinaryIO:
        try:
            return (self.folder / file.id).open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"There is no file “{file.name}”.") from error

    def save(self, name: str, media_type: str, content: bytes | Path | BinaryIO) -> File:
        data = (
            content
            if isinstance(content, bytes)
            else content.read_bytes()
            if isinstance(content, Path)
            else content.read()
        )
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / digest).write_bytes(data)
        return File.model_validate({"$file": digest, "name": name, "media_type": media_type, "size": len(data)})

    def read(self, wire: Mapping[str, Any]) -> bytes:
        return (self.folder / wire["$file"]).read_bytes()


def lists_in(folder: Path) -> RunLists:
    """The payload store in a folder; lists are long from a hundred items on."""
    return RunLists(Storage(Folder(folder / "lists"), long_items=100), "workspace")


@dataclass
class LinesLog:
    """Keeps what a node tells."""

    lines: list[str] = field(default_factory=list)

    def info(self, message: str) -> None:
        self.lines.append(message)

    def warning(self, message: str) -> None:
        self.lines.append(f"warning: {message}")


@dataclass
class Bill:
    """Adds up what calls cost."""

    dollars: float = 0

    def add(self, dollars: float) -> None:
        self.dollars += dollars


@dataclass
class Accounts:
    """Accounts by id, each its type and fields."""

    known: Mapping[str, Mapping[str, Any]]

    async def get(self, credential_id: str) -> tuple[str, Mapping[str, Any]]:
        if credential_id not in self.known:
            raise NotFound("There is no such account.", hint="Choose another one.")
        account = self.known[credential_id]
        return account["type"], account["fields"]


RUN = RunInfo(
    run_id="run", workflow_id="workflow", workspace_id="workspace", node_id="node", item="", attempt=1, now=NOW
)

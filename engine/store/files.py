"""The workspace's files as nodes see them: bytes in the payload store, a row for each so that people find them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from engine.contract.values import File
from engine.models import StoredFile
from engine.store.db import database
from engine.store.storage import Storage, storage


@dataclass(frozen=True, slots=True)
class RunLists:
    """Where the nodes of one workspace put lists (`engine.contract.Lists`). Travels into the processes of the pool."""

    store: Storage
    workspace_id: str

    def keep(self, items: Iterable[Any]) -> Sequence[Any]:
        """The items: a plain list while they are few, else stored as they come. Raises OutputTooLarge."""
        return self.store.keep(self.workspace_id, items)


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one workspace, for one run (`engine.contract.Files`). Travels into the processes of the pool."""

    workspace_id: str
    run_id: str

    def open(self, file: File) -> BinaryIO:
        """The bytes of a file. Raises NotFound if this workspace holds no such bytes."""
        return storage().open_file(self.workspace_id, file.id)

    def save(self, name: str, media_type: str, content: bytes | Path | BinaryIO) -> File:
        """Stores a file and records it under this run. Raises OutputTooLarge above the limit."""
        if isinstance(content, Path):
            with content.open("rb") as stream:
                return self._keep(name, media_type, stream)
        return self._keep(name, media_type, io.BytesIO(content) if isinstance(content, bytes) else content)

    def _keep(self, name: str, media_type: str, stream: BinaryIO) -> File:
        file = storage().put_file(self.workspace_id, stream, name, media_type)
        with database().transaction() as session:
            session.add(
                StoredFile(
                    workspace_id=self.workspace_id,
                    hash=file.id,
                    name=file.name,
                    media_type=file.media_type,
                    size=file.size,
                    run_id=self.run_id,
                )
            )
        return file

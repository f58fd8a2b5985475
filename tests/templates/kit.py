"""Runs a template the way a worker does: real database, writer, payload store, process pool, HTTP client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine.catalog import catalog
from engine.contract import File
from engine.run.executor import Executor
from engine.run.plans import Plans
from engine.run.scopes import Tools
from engine.run.toolbox import Toolbox
from tests.engine.bench import Bench, NoAccounts, Ran
from tests.integrations.services import FolderFiles

FOLDER = Path(__file__).parent.parent.parent / "templates"


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return loaded


def fill_samples(value: Any, files: Mapping[str, Any]) -> Any:
    """The document with references to stored files where it names samples."""
    if isinstance(value, dict):
        if set(value) == {"$sample"}:
            return files[value["$sample"]]
        return {key: fill_samples(item, files) for key, item in value.items()}
    return [fill_samples(item, files) for item in value] if isinstance(value, list) else value


class Kit(Bench):
    """A bench whose nodes have files and the web (loopback only)."""

    toolbox: Toolbox

    def __init__(self, url: str, home: Path) -> None:
        (home / "files").mkdir(parents=True)
        self.files = FolderFiles(home / "files")
        super().__init__(url, home)

    def another(self) -> Executor:
        self.toolbox = Toolbox(
            lambda workspace_id, run_id: self.files, lambda workspace_id: NoAccounts(), ["127.0.0.1"], self.stored
        )
        return Executor(
            Plans(catalog(), self._document), self.checkpoints, self.storage, Tools(self.pool, self.toolbox)
        )

    def put(self, path: Path, media_type: str) -> File:
        return self.files.save(path.name, media_type, path)

    async def run_template(self, name: str, payload: Any = None, trigger: str | None = None, **inputs: Any) -> Ran:
        """With its samples, unless `inputs` say otherwise."""
        template = load(name)
        stored = {
            sample["name"]: self.put(FOLDER / sample["path"], sample["media_type"]).model_dump(by_alias=True)
            for sample in template.get("samples", ())
        }
        document = fill_samples(template["document"], stored)
        given = {"trigger": trigger, "payload": payload, "inputs": inputs}
        return await self.finish(await self.start(document["nodes"], input=given), longest=90)

    async def value(self, ran: Ran, node_id: str, port: str = "main") -> Any:
        """An output's value, also when it stands in the payload store."""
        slot = ran.steps[node_id]["output"][port]
        if "v" in slot:
            return slot["v"]
        with self.database.transaction(write=False):
            return self.storage.get_json(self.row(ran.run.id).workspace_id, slot["ref"])


@asynccontextmanager
async def opened(url: str, home: Path) -> AsyncIterator[Kit]:
    """A kit that is running."""
    kit = Kit(url, home)
    kit.writer.start()
    kit.leases.start()
    try:
        yield kit
    finally:
        await kit.toolbox.aclose()
        await kit.leases.stop()
        await asyncio.to_thread(kit.writer.stop)
        kit.database.close()

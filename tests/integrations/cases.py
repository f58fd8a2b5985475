"""The data files: one per node, `tests/integrations/<integration>/<node>.json`.

    {"node": "data.sort", "cases": [{"name": …, "params": {…}, "output": …}, …]}

A case may also hold `files` (what the workspace stores: `{"messages.csv": {"text": …}}`, which params name as
`{"$stored": "messages.csv"}`), `accounts`, `exchange` (calls that the loopback server expects, with its answers;
params write `$SERVER` for its address), `event` (what a trigger was started with) and `answer` (what came to a node
that had asked). It ends in `output`, in `outputs` (by name), in `wait` (until when), in `asks` (what a container or a
node that waits asks of the engine), in `respond`, in `saved` (what stands in a file that is the output), or in `error`.
`values` are the workflow's stored values before the call and `values_after` afterwards; `earlier` lists the params with
which an earlier run called the node. `log` lists the lines told, `secrets` texts that must appear nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ENDINGS = ("output", "outputs", "asks", "wait", "respond", "saved", "error")


@dataclass(frozen=True)
class Case:
    """One call of a node, and what must come of it."""

    node: str
    name: str
    data: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.node}: {self.name}"


def data_file(node_id: str, integration: str) -> Path:
    return FOLDER / integration / f"{node_id}.json"


def cases(folder: Path = FOLDER) -> Iterator[Case]:
    """Every case of every data file under `folder`."""
    for path in sorted(folder.glob("*/*.json")):
        loaded = json.loads(path.read_text())
        for case in loaded["cases"]:
            yield Case(loaded["node"], case["name"], case)

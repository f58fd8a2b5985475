"""The world outside, as tests count it: what `lab.send` sent, and which values are refused."""

import json
from collections import Counter
from pathlib import Path
from typing import Any


class Outside:
    """A log that nodes append to, and a list of values that they refuse."""

    def __init__(self, folder: Path) -> None:
        self.log, self.refused = folder / "log", folder / "refused"
        self.refused.write_text("")

    def refuse(self, *values: Any) -> None:
        """Refuse these values from now on, and no others."""
        self.refused.write_text("\n".join(json.dumps(value, separators=(",", ":")) for value in values))

    def heard(self, run_id: str | None = None) -> Counter[tuple[str, str]]:
        """How often each node sent each value (as JSON), in all runs or in one."""
        lines = [line.split(maxsplit=2) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return Counter((node, value) for run, node, value in lines if run_id in (None, run))

    def nodes(self, run_id: str) -> Counter[str]:
        """How often each node sent something in a run."""
        return Counter(node for node, value in self.heard(run_id).elements())

    def send(self, value: Any, kind: str = "write", **more: Any) -> dict[str, Any]:
        """A node that sends a value: a write, or a read."""
        given = {"value": value, "path": str(self.log), "bad": str(self.refused), "kind": kind}
        return {"type": "lab.send", "with": given, **more}

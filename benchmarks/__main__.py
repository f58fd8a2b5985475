"""`python -m benchmarks [a b c e f g h i]`: measure, print one table with ratios, and say what machine it was.

(a) no-op jobs, (b) runs of "Size it", (c) the same as a webhook with (d) start and memory, (e) the editor, (f) one
workspace beside a crowded one, (g) shapes of drawings, (h) parked runs, (i) bare commits, and a page's beside a busy
writer. Nothing else should run on the machine meanwhile. No test asserts these figures.
"""

from __future__ import annotations

import importlib
import sys
import time

from benchmarks.table import Row, machine, markdown

PARTS = {
    "a": "benchmarks.jobs",
    "b": "benchmarks.runs",
    "c": "benchmarks.webhook",
    "e": "benchmarks.editor",
    "f": "benchmarks.fairness",
    "g": "benchmarks.shapes",
    "h": "benchmarks.parked",
    "i": "benchmarks.floor",
}


def main(wanted: list[str]) -> None:
    """Measure the parts named, or all."""
    known = machine()
    rows: list[Row] = []
    for part in wanted or list(PARTS):
        began = time.monotonic()
        print(f"({part}) …", file=sys.stderr, flush=True)
        rows += importlib.import_module(PARTS[part]).measure()
        print(f"({part}) took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(markdown(rows))
    print()
    print("\n".join(f"- {line}" for line in known))


if __name__ == "__main__":
    main(sys.argv[1:])

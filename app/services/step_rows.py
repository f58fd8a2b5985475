"""The rows of a run's timeline: its steps, and of each container that is opened its rounds, a page at a time.

A step that runs a workflow in line opens like one: its calls are its rounds, and inside are the steps of that workflow.

A row's id is the step's, with ``@`` and the scope where it stands in a round. A round's is ``@`` and its scope.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from sqlmodel import Session

from app.services import rounds, run_data, run_view
from app.services.access import Actor
from app.services.rounds import Round
from app.services.run_data import StepView
from app.services.shown import Record, ms
from app.services.unit import reads

ROUNDS: Final = 50
MOST_OPEN: Final = 60
_AT: Final = "@"


def row_id(node_id: str, scope: str) -> str:
    """The id of a step's row."""
    return f"{node_id}{_AT}{scope}" if scope else node_id


def round_id(scope: str) -> str:
    """The id of a round's row."""
    return f"{_AT}{scope}"


def place_of(row: str) -> tuple[str, str]:
    """Node and scope of a row; of a round's row its container."""
    node_id, _, scope = row.partition(_AT)
    if node_id or not scope:
        return node_id, scope
    outer, _, last = scope.rpartition("/")
    return last.rpartition(".")[0], outer


@reads
def tree(db: Session, actor: Actor, run_id: str, steps: Sequence[StepView], opened: Mapping[str, int]) -> list[Record]:
    """All rows that are to be seen. ``opened``: the rows that are open, and how many rounds of each container show.

    ``steps`` are those of the top level, as read already.
    """
    return list(_level(_Reading(db, actor, run_id, opened), steps, "", "", 0))


class _Reading:
    """What every level of one tree needs."""

    def __init__(self, db: Session, actor: Actor, run_id: str, opened: Mapping[str, int]) -> None:
        self.db, self.actor, self.run_id = db, actor, run_id
        self.opened = dict(list(opened.items())[-MOST_OPEN:])


def _level(reading: _Reading, steps: Sequence[StepView], container: str, scope: str, depth: int) -> Iterator[Record]:
    for one in steps:
        if one.container != container:
            continue
        key = row_id(one.node_id, scope)
        shown = reading.opened.get(key, 0) if one.opens else 0
        yield {**run_view.step(one), "id": key, "depth": depth, "fold": _fold(one.opens, bool(shown))}
        if shown:
            yield from _rounds(reading, one, scope, depth + 1, shown)


def _rounds(reading: _Reading, step: StepView, scope: str, depth: int, shown: int) -> Iterator[Record]:
    own = step.node_id
    found = rounds.page(reading.db, reading.actor, reading.run_id, own, scope=scope, start=0, stop=shown + 1)
    name = "Round" if step.has_body else "Call"
    for one in [each for each in found if each.index < shown]:
        key = round_id(one.scope)
        opened = key in reading.opened
        yield {**_round_row(one, name), "id": key, "depth": depth, "fold": _fold(True, opened)}
        if opened:
            steps = run_data.steps(reading.db, reading.actor, reading.run_id, scope=one.scope)
            # What is called has a top level of its own.
            yield from _level(reading, steps, own if step.has_body else "", one.scope, depth + 1)
    if any(each.index >= shown for each in found):
        more = {"label": f"More {name.lower()}s", "icon": "ellipsis", "category": "flow", "status": "more", "items": ""}
        yield {**more, "start": 0, "end": 0, "id": f"+{row_id(own, scope)}", "depth": depth, "fold": ""}


def _round_row(one: Round, name: str) -> Record:
    return {
        "label": f"{name} {one.index + 1:,}",
        "icon": "repeat" if name == "Round" else "workflow",
        "category": "flow",
        "status": one.status,
        "start": ms(one.started_at),
        "end": ms(one.finished_at) if one.status in run_view.ENDED else 0,
        "items": str((one.error or {}).get("message", "")),
    }


def _fold(has: bool, is_open: bool) -> str:
    return "" if not has else "open" if is_open else "shut"


def toggled(opened: Mapping[str, int], row: str, known: Collection[str]) -> dict[str, int]:
    """What is open after a click on a row's arrow, or on "More rounds"; ids that no row has change nothing."""
    found = dict(opened)
    if row.startswith("+") and row[1:] in found:
        found[row[1:]] = min(found[row[1:]] + ROUNDS, rounds.LONGEST_PAGE - 1)
    elif row in found:
        del found[row]
    elif row in known:
        found[row] = ROUNDS
    return found

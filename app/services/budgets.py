"""What each run of a workflow may spend, fixed for a run as it starts; and what all of them may spend a day."""

from dataclasses import asdict, dataclass
from typing import Final

from sqlmodel import Session

from app.services import drafts
from app.services.access import Actor
from app.services.run_limits import MOST_MONEY, changed, check_number
from app.services.unit import reads

MOST: Final = MOST_MONEY


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of one run; None is no limit. ``seconds`` counts while a worker is at it, ``money`` is in dollars.

    ``per_day_money``: dollars that all runs of the workflow together may spend on one day.
    """

    seconds: float | None = None
    steps: int | None = None
    money: float | None = None
    per_day_money: float | None = None


@reads
def of_workflow(db: Session, actor: Actor, workflow_id: str) -> Budget:
    """What each run of the workflow may spend; raises NotFound."""
    limits = drafts.find(db, actor, workflow_id).limits
    return Budget(*[limits.get(name) for name in Budget.__slots__])


def limit(db: Session, actor: Actor, workflow_id: str, budget: Budget) -> None:
    """Set what each run from now on may spend, and what a day may cost from this moment on.

    Raises NotFound, and Invalid for a limit that is no positive number.
    """
    actor.need("editor")
    row = drafts.find(db, actor, workflow_id, lock=True)
    for name, value in asdict(budget).items():
        check_number(name, value, MOST, whole=name == "steps")
    row.limits = changed(row.limits, asdict(budget))

"""What each run of a workflow may spend: seconds of work, steps, money. Fixed for a run as it starts."""

import math
from dataclasses import asdict, dataclass
from typing import Final

from sqlmodel import Session

from app.services import drafts
from app.services.access import Actor
from app.services.errors import Invalid
from app.services.unit import reads

MOST: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of one run; None is no limit. ``seconds`` counts while a worker is at it, ``money`` is in dollars."""

    seconds: float | None = None
    steps: int | None = None
    money: float | None = None


@reads
def of_workflow(db: Session, actor: Actor, workflow_id: str) -> Budget:
    """What each run of the workflow may spend; raises NotFound."""
    limits = drafts.find(db, actor, workflow_id).limits
    return Budget(limits.get("seconds"), limits.get("steps"), limits.get("money"))


def limit(db: Session, actor: Actor, workflow_id: str, budget: Budget) -> None:
    """Set what each run from now on may spend. Raises NotFound, and Invalid for a limit that is no positive number."""
    actor.need("editor")
    row = drafts.find(db, actor, workflow_id, lock=True)
    wanted = {name: value for name, value in asdict(budget).items() if value is not None}
    for name, value in wanted.items():
        if not (math.isfinite(value) and 0 < value <= MOST) or (name == "steps" and value != int(value)):
            raise Invalid.field(name, f"Enter a number above 0 and up to {MOST:,}, or nothing for no limit.")
    others = {name: value for name, value in row.limits.items() if name not in Budget.__slots__}
    row.limits = {**others, **wanted}

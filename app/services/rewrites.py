"""What running a run again from its start would write a second time."""

from typing import Any

from sqlmodel import Session

from app.services import runs, standing
from app.services.access import Actor
from app.services.errors import NeedsConfirmation
from app.services.unit import reads
from engine.run.reuse import Repeat


@reads
def of_whole(db: Session, actor: Actor, run_id: str) -> list[dict[str, Any]]:
    """The steps that wrote in this run, as records with ``node``, ``label``, ``times`` and ``message``.

    Empty where nothing was written: in a dry run, for example. Raises NotFound for a run of somebody else.
    """
    nodes = runs.graph(db, actor, run_id).nodes
    written = standing.writes(db, actor, [run_id])
    again = [
        Repeat(node_id, nodes[node_id].title, one.done + one.doubts, "everything runs from the start")
        for (_, node_id), one in written.items()
        if node_id in nodes and one.done + one.doubts
    ]
    return NeedsConfirmation(again).problems if again else []

"""Dry runs: what a workflow would do, with its reads, and without its writes."""

from collections.abc import Mapping
from typing import Any, TypedDict

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import runs, standing, unit
from app.services.access import Actor, owned
from app.services.unit import reads
from engine.catalog import catalog
from engine.models import Step
from engine.run.compiling import compiled
from engine.run.redo import may_write


class Dry(TypedDict):
    """What makes a dry run of a run, as `runs.start` takes it."""

    every_item: bool
    options: Mapping[str, Any]


async def dry(actor: Actor, workflow_id: str) -> Dry:
    """What `runs.start` is given beside, so that a step that would write shows its request instead of sending it.

    What follows such a step gets the output that is kept for it, else what it gave in the last run, else an example.
    """
    known = await unit.ask(last_outputs, actor, workflow_id)
    return {"every_item": True, "options": {"dry": True, "stand_ins": known}}


@reads
def last_outputs(db: Session, actor: Actor, workflow_id: str) -> dict[str, Any]:
    """By step that may write what it gave in the workflow's last run, as rows hold it; nothing before the first."""
    latest = standing.latest(db, actor, workflow_id)
    if latest is None:
        return {}
    plan = compiled(runs.graph(db, actor, latest.id), catalog())
    writers = {node_id for node_id, planned in plan.nodes.items() if may_write(planned)}
    mine = (owned(Step, actor), col(Step.run_id) == latest.id, col(Step.scope) == "", col(Step.item) == "")
    rows = db.execute(select(col(Step.node_id), col(Step.output)).where(*mine, col(Step.status) == "done"))
    given = {node_id: output for node_id, output in rows if output and node_id in writers}
    return {node_id: {"by": "last_run", "run": latest.id, "outputs": output} for node_id, output in given.items()}

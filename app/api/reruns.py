"""Running again: what failed, what is stale, from a step on; and the outputs that a draft keeps."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.auth import SignedIn
from app.api.problems import Problem
from app.api.runs import StartedRun
from app.services import pins, reruns, standing, unit
from app.services.orders import Use
from app.services.pins import Kept
from app.services.reruns import Mode
from engine.run.stale import Standing

router = APIRouter()

Node = Annotated[str, Path(max_length=60, description="The id of a step")]


class Retry(BaseModel):
    """What is done again, and what may be repeated."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode = Field(
        default="failed_items",
        description="`failed_items`: what failed, item by item, and what hangs on it. `from_node`: a step and all that "
        "follows. `stale`: what no longer holds. `up_to`: a step, and before it only what is stale. `node`: one step "
        "alone. `whole`: everything",
    )
    node: str | None = Field(default=None, max_length=60, description="For `from_node`, `up_to` and `node`: the step")
    use: Use | None = Field(
        default=None,
        description="What to run; left out, the version of the earlier run. With another one `failed_items` also does "
        "again what was changed since",
    )
    repeat: list[Annotated[str, Field(max_length=60)]] = Field(
        default_factory=list,
        max_length=1_000,
        description="Steps that may write again what they wrote once. A 409 names those that would",
    )
    repeat_writes: bool = Field(default=False, description="Whether all steps may write again what they wrote once")
    every_item: bool = Field(
        default=True,
        description="Of the draft: whether a step that writes once per item does all or the first 5",
    )


class Keep(BaseModel):
    """What to keep for a step: what it gave in a run, or values of your own."""

    model_config = ConfigDict(extra="forbid")

    run: str | None = Field(default=None, max_length=32, description="Keep what the step gave in this run")
    outputs: dict[str, Any] | None = Field(default=None, description='Values by output, such as `{"main": …}`')

    @model_validator(mode="after")
    def _one_of_both(self) -> "Keep":
        if (self.run is None) == (self.outputs is None):
            raise ValueError("give either run or outputs")
        return self


_REPEATS: dict[int | str, dict[str, Any]] = {
    409: {
        "model": Problem,
        "description": "The run has not ended, or steps would write again what they wrote once: `problems` names each, "
        "with how often and why. Send the same with these in `repeat`, or with `repeat_writes`",
    }
}


@router.post("/runs/{run_id}/retry", status_code=202, responses=_REPEATS, tags=["Runs"])
async def retry_run(actor: SignedIn, run_id: str, response: Response, body: Retry | None = None) -> StartedRun:
    """Start a run that takes over what this one did well, and does the rest again.

    Reused steps say so in `reused_from`. Items are found again by where they come from, not by their position.
    """
    given = body or Retry()
    started = await reruns.rerun(
        actor,
        run_id,
        given.mode,
        node=given.node,
        use=given.use,
        repeat=given.repeat,
        repeat_writes=given.repeat_writes,
        every_item=given.every_item,
    )
    response.headers["Location"] = f"/api/v1/runs/{started.run_id}"
    return StartedRun(id=started.run_id, status=started.status, created=True)


@router.get("/workflows/{workflow_id}/stale", tags=["Workflows"])
async def read_stale(
    actor: SignedIn,
    workflow_id: str,
    run: Annotated[str, Query(max_length=32, description="Measured against this run; left out, the newest")] = "",
) -> dict[str, Standing]:
    """Which steps of the draft would be done again if only what is stale ran, and why. Empty before the first run."""
    return await unit.ask(standing.of_draft, actor, workflow_id, run)


@router.get("/workflows/{workflow_id}/pins", tags=["Workflows"])
async def list_pins(actor: SignedIn, workflow_id: str) -> list[Kept]:
    """The outputs that are kept for steps of the draft. Runs of the draft take them; published runs do not."""
    return await unit.ask(pins.list_pins, actor, workflow_id)


@router.put("/workflows/{workflow_id}/pins/{node_id}", tags=["Workflows"])
async def keep_output(actor: SignedIn, workflow_id: str, node_id: Node, body: Keep) -> Kept:
    """Keep an output for a step: at most 256 kB, and 1 MB for the workflow."""
    if body.run is not None:
        return await unit.ask(pins.keep, actor, workflow_id, node_id, body.run)
    return await unit.ask(pins.set_kept, actor, workflow_id, node_id, body.outputs or {})


@router.delete("/workflows/{workflow_id}/pins/{node_id}", status_code=204, tags=["Workflows"])
async def release_output(actor: SignedIn, workflow_id: str, node_id: Node) -> None:
    """Keep nothing for this step any more."""
    await unit.ask(pins.release, actor, workflow_id, node_id)

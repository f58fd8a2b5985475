"""How much room runs take, and how long they are kept."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.auth import SignedIn
from app.services import retention, unit
from app.services.retention import MOST, Kept, Report

router = APIRouter(tags=["Storage"])


class Retention(BaseModel):
    """How long ended runs are kept; null is no bound, and a run goes as soon as one bound says so."""

    model_config = ConfigDict(extra="forbid")

    days: float | None = Field(default=None, gt=0, le=MOST["days"], description="Since the run's end")
    runs: int | None = Field(default=None, gt=0, le=MOST["runs"], description="The newest so many")
    bytes: int | None = Field(
        default=None, gt=0, le=MOST["bytes"], description="The newest that have so many together; one always stays"
    )

    def kept(self) -> Kept:
        """The same for the service."""
        return Kept(self.days, self.runs, self.bytes)


@router.get("/storage")
async def read_storage(actor: SignedIn) -> Report:
    """How much the runs of each workflow and uploaded files take, and what goes next. For the workspace's owners."""
    return await unit.ask(retention.report, actor)


@router.put("/storage/retention", status_code=204)
async def set_default_retention(actor: SignedIn, body: Retention) -> None:
    """Set how long runs are kept of workflows that say nothing themselves. For the workspace's owners."""
    await unit.ask(retention.keep_workspace, actor, body.kept())


@router.get("/workflows/{workflow_id}/retention")
async def read_retention(actor: SignedIn, workflow_id: str) -> Kept:
    """How long ended runs of a workflow are kept: as it says itself, or else as its workspace does."""
    return await unit.ask(retention.of_workflow, actor, workflow_id)


@router.put("/workflows/{workflow_id}/retention", status_code=204)
async def set_retention(actor: SignedIn, workflow_id: str, body: Retention) -> None:
    """Set how long ended runs of a workflow are kept. For the workspace's owners."""
    await unit.ask(retention.keep_workflow, actor, workflow_id, body.kept())


@router.delete("/workflows/{workflow_id}/retention", status_code=204)
async def forget_retention(actor: SignedIn, workflow_id: str) -> None:
    """Let the workspace's retention hold for a workflow again. For the workspace's owners."""
    await unit.ask(retention.keep_workflow, actor, workflow_id, None)

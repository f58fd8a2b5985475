"""What waits for a person, to be listed and decided."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.auth import SignedIn
from app.services import approvals, unit
from app.services.approvals import Approval, Choice

router = APIRouter(prefix="/approvals", tags=["Approvals"])


class Decision(BaseModel):
    """What is decided, and why."""

    model_config = ConfigDict(extra="forbid")

    choice: Choice = Field(description="One of the `choices` of what is decided")
    note: str = Field(default="", max_length=approvals.LONGEST_NOTE, description="Why; needed for reject")


@router.get("")
async def list_approvals(
    actor: SignedIn,
    *,
    run: Annotated[str | None, Query(max_length=32, description="Only of this run")] = None,
    mine: Annotated[bool, Query(description="Only what you may decide")] = False,
) -> list[Approval]:
    """What waits for a person: approvals, effects that a crash left open, budgets that are used up; oldest first."""
    return await unit.ask(approvals.list_approvals, actor, run_id=run, mine=mine)


@router.post("/{approval_id}", status_code=204)
async def decide(actor: SignedIn, approval_id: str, body: Decision) -> None:
    """Decide, once; the first decision counts, and the run goes on."""
    await approvals.decide(actor, approval_id, body.choice, body.note)

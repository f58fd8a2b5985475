"""What a workflow remembers from run to run."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.auth import SignedIn
from app.services import stored_values, unit
from app.services.stored_values import Scope, ValueView

router = APIRouter(prefix="/workflows/{workflow_id}/values", tags=["Stored values"])

Name = Annotated[str, Path(min_length=1, max_length=120, description="The value's name")]
Whose = Annotated[Scope, Query(description="The workflow's own values, or those that the workspace shares")]
Trial = Annotated[bool, Query(description="Those of trial runs of the draft, instead of published versions")]


class NewValue(BaseModel):
    """A value to store."""

    model_config = ConfigDict(extra="forbid")

    value: Any = Field(description="Any JSON up to 256 kB")


@router.get("")
async def list_values(
    actor: SignedIn, workflow_id: str, scope: Whose = "workflow", trial: Trial = False
) -> list[ValueView]:
    """All stored values by name."""
    return await unit.ask(stored_values.list_values, actor, workflow_id, scope=scope, trial=trial)


@router.get("/{value_name}")
async def read_value(
    actor: SignedIn, workflow_id: str, value_name: Name, scope: Whose = "workflow", trial: Trial = False
) -> ValueView:
    """One stored value."""
    return await unit.ask(stored_values.get, actor, workflow_id, value_name, scope=scope, trial=trial)


@router.put("/{value_name}", status_code=204)
async def put_value(
    actor: SignedIn,
    workflow_id: str,
    value_name: Name,
    body: NewValue,
    *,
    scope: Whose = "workflow",
    trial: Trial = False,
) -> None:
    """Store a value in the place of what is there: set a counter, say."""
    await unit.ask(stored_values.put, actor, workflow_id, value_name, body.value, scope=scope, trial=trial)


@router.delete("/{value_name}", status_code=204)
async def delete_value(
    actor: SignedIn, workflow_id: str, value_name: Name, scope: Whose = "workflow", trial: Trial = False
) -> None:
    """Forget a value, or the items that Only new items has seen under this name."""
    await unit.ask(stored_values.delete, actor, workflow_id, value_name, scope=scope, trial=trial)

"""What starts by itself, and how much may be under way at once: schedules, limits of runs and of accounts."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.auth import SignedIn
from app.services import account_calls, alarms, budgets, credentials, day_budgets, run_limits, triggers, unit
from app.services.account_calls import AccountCalls
from app.services.alarms import Alarm
from app.services.budgets import Budget
from app.services.credentials import CredentialView
from app.services.day_budgets import Today
from app.services.run_limits import WorkspaceLimits
from app.services.triggers import TriggerView

router = APIRouter(tags=["Workflows"])


class Limits(BaseModel):
    """How much may be under way at once."""

    model_config = ConfigDict(extra="forbid")

    runs_at_once: Annotated[int | None, Field(ge=1, le=run_limits.HIGHEST)] = Field(
        default=None, description="Further runs wait for their turn; null: as many as there is room for"
    )


class NewWorkspaceLimits(Limits):
    """What all workflows together may do at once and spend a day; null is no limit."""

    per_day_money: float | None = Field(default=None, gt=0, le=budgets.MOST, description="Dollars on one day")
    time_zone: str = Field(default="UTC", max_length=60, description="Where the days begin at midnight")


class NewBudget(BaseModel):
    """What each run may spend; null is no limit."""

    model_config = ConfigDict(extra="forbid")

    seconds: float | None = Field(default=None, gt=0, le=budgets.MOST, description="While a worker is at it")
    steps: int | None = Field(default=None, gt=0, le=budgets.MOST, description="Calls of nodes; each item counts")
    money: float | None = Field(default=None, gt=0, le=budgets.MOST, description="Dollars, as the steps report them")
    per_day_money: float | None = Field(
        default=None, gt=0, le=budgets.MOST, description="Dollars that all runs together may spend on one day"
    )


class AccountLimits(BaseModel):
    """How often other services may be called with an account, by all workers together.

    What is left out is as usual for its kind of account; null is no limit.
    """

    model_config = ConfigDict(extra="forbid")

    per_second: Annotated[float | None, Field(ge=credentials.LEAST_RATE, le=credentials.HIGHEST)] = Field(
        default=None, description="Calls per second"
    )
    per_minute: Annotated[int | None, Field(ge=1, le=credentials.HIGHEST)] = Field(
        default=None, description="Calls in any minute"
    )
    burst: Annotated[int | None, Field(ge=1, le=credentials.HIGHEST)] = Field(
        default=None, description="How many of a second's calls may come together; null: a second's worth"
    )
    at_once: Annotated[int | None, Field(ge=1, le=credentials.HIGHEST)] = Field(
        default=None, description="Calls under way at once"
    )


@router.get("/alarms")
async def list_alarms(actor: SignedIn) -> list[Alarm]:
    """What holds up runs and schedules until somebody sets it right: no worker, no scheduler, no Redis."""
    return await unit.ask(alarms.list_alarms, actor)


@router.get("/accounts")
async def list_accounts(actor: SignedIn) -> list[CredentialView]:
    """The accounts that nodes use, with their limits; never their secrets."""
    return await unit.ask(credentials.list_credentials, actor)


@router.put("/accounts/{account_id}/limits")
async def set_account_limits(actor: SignedIn, account_id: str, body: AccountLimits) -> CredentialView:
    """Limit how often other services are called with an account."""
    return await unit.ask(credentials.set_limits, actor, account_id, body.model_dump(exclude_unset=True))


@router.get("/accounts/{account_id}/calls")
async def read_account_calls(actor: SignedIn, account_id: str) -> AccountCalls:
    """What is sent with an account just now: whether a call to each of its hosts would go, and if not, why."""
    return await unit.ask(account_calls.now, actor, account_id)


@router.get("/triggers")
async def list_triggers(actor: SignedIn) -> list[TriggerView]:
    """What starts the published workflows: when each schedule fired last and is due next, and whether it is overdue."""
    return await unit.ask(triggers.list_triggers, actor)


@router.get("/workflows/{workflow_id}/triggers")
async def list_workflow_triggers(actor: SignedIn, workflow_id: str) -> list[TriggerView]:
    """The triggers of one workflow."""
    return await unit.ask(triggers.of_workflow, actor, workflow_id)


@router.get("/workflows/{workflow_id}/limits")
async def read_limits(actor: SignedIn, workflow_id: str) -> Limits:
    """How many runs of a workflow may be under way at once."""
    return Limits(runs_at_once=await unit.ask(run_limits.of_workflow, actor, workflow_id))


@router.put("/workflows/{workflow_id}/limits", status_code=204)
async def set_limits(actor: SignedIn, workflow_id: str, body: Limits) -> None:
    """Limit how many runs of a workflow are under way at once."""
    await unit.ask(run_limits.limit_workflow, actor, workflow_id, body.runs_at_once)


@router.get("/workflows/{workflow_id}/budget")
async def read_budget(actor: SignedIn, workflow_id: str) -> Budget:
    """What each run of a workflow may spend: seconds of work, steps, dollars."""
    return await unit.ask(budgets.of_workflow, actor, workflow_id)


@router.put("/workflows/{workflow_id}/budget", status_code=204)
async def set_budget(actor: SignedIn, workflow_id: str, body: NewBudget) -> None:
    """Set what each run from now on may spend, and all of them a day. A run that would spend more pauses and asks."""
    await unit.ask(budgets.limit, actor, workflow_id, Budget(**body.model_dump()))


@router.get("/workflows/{workflow_id}/budget/today")
async def read_budget_today(actor: SignedIn, workflow_id: str) -> Today:
    """What a workflow spent today, in the workspace's time zone, and what it may."""
    return await unit.ask(day_budgets.of_workflow, actor, workflow_id)


@router.get("/limits")
async def read_workspace_limits(actor: SignedIn) -> WorkspaceLimits:
    """What all workflows together may do at once and spend a day."""
    return await unit.ask(run_limits.of_workspace, actor)


@router.get("/limits/today")
async def read_workspace_today(actor: SignedIn) -> Today:
    """What all workflows together spent today, in the workspace's time zone, and what they may."""
    return await unit.ask(day_budgets.of_workspace, actor)


@router.put("/limits", status_code=204)
async def set_workspace_limits(actor: SignedIn, body: NewWorkspaceLimits) -> None:
    """Limit all workflows together. What is left out stays as it is. For the workspace's owners."""
    present = await unit.ask(run_limits.of_workspace, actor)
    await unit.ask(run_limits.limit_workspace, actor, replace(present, **body.model_dump(exclude_unset=True)))

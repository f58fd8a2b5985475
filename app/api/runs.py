"""Runs: start, look inside, pause, cancel, run again."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.auth import SignedIn
from app.services import dry_runs, reruns, rounds, run_data, runs, unit
from app.services.held_values import Items
from app.services.rounds import Round
from app.services.run_data import Result, StepView
from app.services.runs import Page, RunDetail, Source, Use
from engine.models import RunStatus

router = APIRouter(tags=["Runs"])

Start = Annotated[int, Query(ge=0, le=2**53, description="The first item")]
Scope = Annotated[str, Query(max_length=400, description="Rounds and calls, one inside the other: call.0/loop.3")]
Stop = Annotated[int, Query(ge=0, le=2**53, description="The item to end before; at most 500 after start")]


class NewRun(BaseModel):
    """What a run is given. Everything may be left out."""

    model_config = ConfigDict(extra="forbid")

    inputs: dict[str, Any] = Field(default_factory=dict, description="Values of the Input nodes, by their names")
    payload: Any = Field(default=None, description="What the trigger node gives out")
    trigger: str | None = Field(default=None, max_length=60, description="The id of the trigger node that fires")
    use: Use = Field(default="published", description="What to run: the published version or the draft")
    dry: bool = Field(
        default=False,
        description="A dry run: reads happen; a step that would write says so in `stand_in` and sends nothing",
    )


class StartedRun(BaseModel):
    """A run that was started."""

    id: str
    status: str
    created: bool = Field(description="False if the Idempotency-Key had started this run before")


class EndedRun(StartedRun):
    """A run that was waited for."""

    outputs: Any = Field(default=None, description="By name what the Output nodes got; without these, the last value")
    error: dict[str, Any] | None = None


_STARTED: dict[int | str, dict[str, Any]] = {
    200: {"model": EndedRun, "description": "The run ended within the time of `wait`"},
    202: {"model": StartedRun, "description": "The run is recorded and on its way; Location says where to look"},
}


@router.post("/workflows/{workflow_id}/runs", status_code=202, responses=_STARTED)
async def start_run(
    actor: SignedIn,
    workflow_id: str,
    *,
    response: Response,
    body: NewRun | None = None,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the result")] = 0,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=150, description="The same key gives the same run")
    ] = None,
) -> StartedRun | EndedRun:
    """Start a run. It is recorded before this answers, so it cannot be lost."""
    given = body or NewRun()
    rehearsed = await dry_runs.dry(actor, workflow_id) if given.dry else dry_runs.Dry(every_item=False, options={})
    started = await runs.start(
        actor,
        workflow_id,
        inputs=given.inputs,
        payload=given.payload,
        trigger=given.trigger,
        use=given.use,
        source="api",
        idempotency_key=idempotency_key,
        wait=wait,
        **rehearsed,
    )
    response.headers["Location"] = f"/api/v1/runs/{started.run_id}"
    if started.status not in runs.ENDED:
        return StartedRun(id=started.run_id, status=started.status, created=started.created)
    response.status_code = 200
    return await _ended(actor, started)


@router.get("/runs")
async def list_runs(
    actor: SignedIn,
    *,
    workflow: Annotated[str | None, Query(max_length=32, description="Only of this workflow")] = None,
    status: Annotated[list[RunStatus] | None, Query(max_length=10, description="Only in these states")] = None,
    source: Annotated[list[Source] | None, Query(max_length=10, description="Only started in these ways")] = None,
    asking: Annotated[bool, Query(description="Only those that wait for a person")] = False,
    cursor: Annotated[str, Query(max_length=60, description="The cursor of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=runs.LONGEST_PAGE, description="Runs per page")] = 50,
) -> Page:
    """Runs of the workspace, newest first."""
    return await unit.ask(
        runs.list_runs,
        actor,
        workflow_id=workflow,
        status=status or (),
        source=source or (),
        asking=asking,
        cursor=cursor,
        limit=limit,
    )


@router.get("/runs/{run_id}")
async def read_run(actor: SignedIn, run_id: str) -> RunDetail:
    """One run: its state, times, input, and error if it failed."""
    return await unit.ask(runs.get, actor, run_id)


@router.get("/runs/{run_id}/steps")
async def read_steps(actor: SignedIn, run_id: str, scope: Scope = "") -> list[StepView]:
    """Every node of the version that runs, with how far it is. What stands in a container is counted over its rounds,
    but in those that the scope names."""
    return await unit.ask(run_data.steps, actor, run_id, scope=scope)


@router.get("/runs/{run_id}/steps/{node_id}/rounds")
async def read_rounds(
    actor: SignedIn, run_id: str, node_id: str, *, scope: Scope = "", start: Start = 0, stop: Stop = 50
) -> list[Round]:
    """The rounds of a container that have begun, with the scope that each is."""
    return await unit.ask(rounds.page, actor, run_id, node_id, scope=scope, start=start, stop=stop)


@router.get("/runs/{run_id}/results")
async def read_results(actor: SignedIn, run_id: str) -> list[Result]:
    """The values of the Output nodes; of a long list its first rows, the rest by the items of its step."""
    return await unit.ask(run_data.results, actor, run_id)


@router.get("/runs/{run_id}/steps/{node_id}/items")
async def read_items(
    actor: SignedIn,
    run_id: str,
    node_id: str,
    *,
    side: Annotated[Literal["input", "output"], Query(description="What came in or what went out")] = "output",
    port: Annotated[str, Query(max_length=60, description="The output, or the field that was filled")] = "main",
    field: Annotated[str, Query(max_length=200, description="Of a record: the list under this name")] = "",
    scope: Scope = "",
    start: Start = 0,
    stop: Stop = 50,
) -> Items:
    """A page of the values at one port of a step; of a step in a container in the round that the scope names. A long
    list inside of a value is `{"$list": {count, first}}`."""
    return await unit.ask(
        run_data.items,
        actor,
        run_id,
        node_id,
        side=side,
        port=port,
        field=field,
        start=start,
        stop=stop,
        scope=scope,
    )


@router.post("/runs/{run_id}/cancel", status_code=202)
async def cancel_run(actor: SignedIn, run_id: str) -> Response:
    """Ask for the run's end. What writes just now finishes and is recorded; nothing new starts."""
    await runs.cancel(actor, run_id)
    return Response(status_code=202)


@router.post("/runs/{run_id}/pause", status_code=202)
async def pause_run(actor: SignedIn, run_id: str) -> Response:
    """Let a run rest. What is under way finishes and is recorded; then it holds no worker until it is resumed."""
    await runs.pause(actor, run_id)
    return Response(status_code=202)


@router.post("/runs/{run_id}/resume", status_code=202)
async def resume_run(actor: SignedIn, run_id: str) -> Response:
    """Let a paused run go on where it was."""
    await runs.resume(actor, run_id)
    return Response(status_code=202)


@router.post("/runs/{run_id}/again", status_code=202)
async def run_again(
    actor: SignedIn,
    run_id: str,
    response: Response,
    use: Annotated[Use | None, Query(description="What to run; left out: the version of the earlier run")] = None,
) -> StartedRun:
    """Start a new run with the input of this one."""
    started = await reruns.whole(actor, run_id, use)
    response.headers["Location"] = f"/api/v1/runs/{started.run_id}"
    return StartedRun(id=started.run_id, status=started.status, created=True)


async def _ended(actor: SignedIn, started: runs.Started) -> EndedRun:
    detail = await unit.ask(runs.get, actor, started.run_id)
    outputs = await unit.ask(run_data.outputs, actor, started.run_id)
    error = dict(detail.row.error) if detail.row.error else None
    return EndedRun(id=started.run_id, status=detail.row.status, created=started.created, outputs=outputs, error=error)

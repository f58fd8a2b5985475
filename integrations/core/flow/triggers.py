"""What starts a run: a person, a call, the clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from engine.contract import Account, Cron, Params, ShowIf, TimeZone, Whole, trigger
from integrations.core.dates import zone

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


class Manual(Params):
    sample: Annotated[Any, Whole()] = Field(
        default=None,
        description="What the run starts with, unless it is started with something else",
        examples=[{"a": 1}],
    )


@trigger("trigger.manual", kind="manual", title="Start by hand", icon="play", keywords=("button", "run", "begin"))
def manual(params: Manual, event: Any) -> Any:
    """Start the workflow with the Run button or a REST call. What they send is the output; otherwise the sample is.

    With a list: the list goes on whole; the nodes after it decide what it means to them.
    """
    return params.sample if event is None else event


class Webhook(Params):
    path: str = Field(
        pattern=r"^[A-Za-z0-9_~.-]+(/[A-Za-z0-9_~.-]+)*$",
        max_length=200,
        description="The end of the address that is called, without a slash at the start",
        examples=["orders/new"],
    )
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "ANY"] = Field(
        default="POST", description="The HTTP method that starts a run", examples=["POST"]
    )
    respond: Literal["now", "answer"] = Field(
        default="now",
        description="Answer at once that the call was taken, or wait for the run and answer with its result",
        examples=["answer"],
    )
    runs_in: Annotated[
        Literal["worker", "web"], ShowIf(field="respond", values=("answer",))
    ] = Field(
        default="worker",
        title="Where it runs",
        description="In a worker, or in the web server itself: faster, for short workflows that only compute. "
        "Any other goes to a worker all the same",
        examples=["worker"],
    )  # fmt: skip
    auth: Literal["none", "header"] = Field(
        default="none", description="Who may call: anybody who knows the address, or who sends a secret header",
        examples=["none"],
    )  # fmt: skip
    account: Annotated[
        str, Account(types=("core.header",)), ShowIf(field="auth", values=("header",))
    ] = Field(default="", description="The account that holds the header's name and value", examples=[""])  # fmt: skip


class Call(BaseModel):
    """An HTTP call as it came in."""

    body: Any = Field(description="The body: JSON as its value, a form as a record, anything else as text")
    headers: dict[str, str] = Field(description="The headers, names in small letters")
    query: dict[str, Any] = Field(description="The query; a name that came several times is a list")
    method: str = Field(description="The HTTP method")
    path: str = Field(description="The path that was called")


@trigger("trigger.webhook", kind="webhook", title="Webhook", icon="webhook", keywords=("http", "call", "api", "post"))
def webhook(params: Webhook, event: Mapping[str, Any]) -> Call:
    """Start a run whenever an address of this workflow is called, with the call as output.

    The address works while the workflow is on; the draft has one of its own for trying it out. Set to answer with the
    result, the caller gets what a Respond node says, or else the run's outputs.

    With a list: a call whose body is a list starts one run, and the list goes on whole.
    """
    return Call(
        body=event.get("body"),
        headers={name.lower(): str(value) for name, value in (event.get("headers") or {}).items()},
        query=dict(event.get("query") or {}),
        method=str(event.get("method") or params.method),
        path=str(event.get("path") or params.path),
    )


class Schedule(Params):
    time_zone: Annotated[str, TimeZone()] = Field(
        default="UTC", description="Whose clock counts, also when clocks change", examples=["Europe/Berlin"]
    )
    cron: Annotated[str, Cron()] = Field(
        default="@daily",
        description="Minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly",
        examples=["0 9 * * 1-5"],
    )
    missed: Literal["once", "all", "skip"] = Field(
        default="once",
        description="When Weft did not run at that time: make up for one missed start, for all (at most 100), or none",
        examples=["once"],
    )
    overlap: Literal["run", "skip", "queue"] = Field(
        default="run",
        description="When the run before is not done yet: start beside it, leave this one out, or start after it",
        examples=["skip"],
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if "{{" not in value:
            try:
                zone(value)
            except Exception as error:
                raise ValueError(str(error)) from error
        return value

    @field_validator("cron")
    @classmethod
    def _readable(cls, value: str, info: ValidationInfo) -> str:
        try:
            CronSim(value, datetime.now(zone(info.data.get("time_zone", "UTC"))))
        except CronSimError as error:
            raise ValueError(f"“{value}” is not a schedule: {error}. Write for example 0 9 * * 1-5.") from error
        return value


class Due(BaseModel):
    """A start by the clock."""

    due: str = Field(description="When the run was due, ISO 8601 with offset")
    fired_at: str = Field(description="When it was in fact started")


@trigger(
    "trigger.schedule", kind="schedule", title="Schedule", icon="clock", keywords=("cron", "timer", "daily", "every")
)
def schedule(params: Schedule, event: Mapping[str, Any]) -> Due:
    """Start a run at fixed times: every morning, every hour, the first of the month.

    The next time is stored, so a start that was missed is noticed and made up for as the setting says.

    With a list: there is none; a schedule gives a single record.
    """
    return Due(due=str(event["due"]), fired_at=str(event["fired_at"]))

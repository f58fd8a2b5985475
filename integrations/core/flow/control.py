"""Respond, Stop and Wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import (
    BadParams,
    Effect,
    Expression,
    KeyValue,
    Multiline,
    Params,
    Port,
    Respond,
    RunInfo,
    Select,
    Stopped,
    TimeZone,
    Waiting,
    Whole,
    action,
)
from integrations.core.dates import add_months, parse, zone
from integrations.core.values import truth


class Answer(Params):
    body: Annotated[Any, Port(), Whole()] = Field(
        description="What is sent back: a record or list goes as JSON, a text as it is", examples=[{"ok": True}]
    )
    status: int = Field(default=200, ge=200, le=599, description="The HTTP status code", examples=[200])
    headers: Annotated[dict[str, str], KeyValue(add="Add header")] = Field(
        default_factory=dict, description="Further headers of the answer", examples=[{"Cache-Control": "no-store"}]
    )


@action(
    "flow.respond",
    title="Respond",
    category="flow",
    icon="reply",
    subtitle="Answer the caller",
    keywords=("webhook", "reply", "answer", "return"),
)
async def respond(params: Answer) -> Respond:
    """Answer whoever started this run and waits for it: a webhook set to answer with the result, or a REST call.

    The first answer of a run counts. The body is also this node's output.

    With a list: the list is sent whole, as one JSON answer.
    """
    return Respond(status=params.status, headers=params.headers, body=params.body)


class Stop(Params):
    message: Annotated[str, Multiline(rows=2)] = Field(
        description="Why the run stops: shown on its page and sent to the caller", examples=["The order has no lines."]
    )
    when: Annotated[Any, Expression()] = Field(
        default=True, description="Stop only when this holds", examples=["{{ order.lines | length == 0 }}"]
    )
    value: Annotated[Any, Port()] = Field(
        default=None, description="What goes on when the run does not stop", examples=[{"id": 7}]
    )


@action(
    "flow.stop",
    title="Stop with error",
    category="flow",
    icon="octagon-x",
    subtitle="End the run as failed",
    keywords=("fail", "error", "throw", "abort", "assert"),
)
async def stop(params: Stop) -> Any:
    """Stop the run as failed, with a message of your own. If the condition does not hold, the value goes on.

    With a list: each item is asked by itself. The first that stops stops the run, unless this node sends its failed
    items to the error output: then only those leave the list.
    """
    if truth(params.when):
        raise Stopped(params.message, hint="The workflow stops here on purpose; see the node's condition.")
    return params.value


Unit = Literal["seconds", "minutes", "hours", "days", "weeks", "months"]


class Wait(Params):
    amount: float = Field(default=0, ge=0, le=1_000_000, description="How long to wait", examples=[10])
    unit: Annotated[Unit, Select(options=get_args(Unit))] = Field(
        default="minutes", description="The unit of the amount", examples=["minutes"]
    )
    until: str | None = Field(
        default=None,
        description="Wait until this date and time instead; without an offset it is in the time zone below",
        examples=["2026-12-24T18:00"],
    )
    time_zone: Annotated[str, TimeZone()] = Field(
        default="UTC",
        description="Whose clock counts for dates without an offset, and for days, weeks and months",
        examples=["Europe/Berlin"],
    )
    value: Annotated[Any, Port(), Whole()] = Field(
        default=None, description="What goes on after the wait", examples=[{"id": 7}]
    )


@action(
    "flow.wait",
    title="Wait",
    category="flow",
    icon="hourglass",
    effect=Effect.none,
    subtitle="Seconds to months",
    keywords=("delay", "sleep", "pause", "until", "timer"),
)
async def wait(params: Wait, run: RunInfo) -> Waiting:
    """Let the run rest for a while or until a date, then pass the value on.

    A waiting run holds no worker and survives every restart; it can wait for months. A date that is past waits not at
    all. Days, weeks and months keep the time of day of the time zone when clocks change.

    With a list: the list is passed on whole, after one wait.
    """
    return Waiting(until=_until(params, run.now), value=params.value)


def _until(params: Wait, now: datetime) -> datetime:
    where = zone(params.time_zone, "time_zone")
    if params.until:
        return parse(params.until, where, "until").astimezone(UTC)
    try:
        if params.unit in ("seconds", "minutes", "hours"):
            return now + timedelta(**{params.unit: params.amount})
        local = now.astimezone(where)
        if params.unit == "months":
            return add_months(local, round(params.amount)).astimezone(UTC)
        return (local + timedelta(**{params.unit: params.amount})).astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise BadParams("This wait ends after the year 9999.", field="amount", hint="Wait for less.") from error

"""Nodes that wait: for a time, for a call from outside, for a person's decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field

from engine.contract import (
    Answer,
    Asking,
    BadParams,
    Expired,
    Fired,
    Multiline,
    OneTimeAddress,
    Output,
    Params,
    Port,
    RunInfo,
    Select,
    TimeZone,
    Waiting,
    Whole,
    action,
)
from integrations.core.dates import add_months, parse, zone

Unit = Literal["seconds", "minutes", "hours", "days", "weeks", "months"]
MOST = 1_000_000


class Wait(Params):
    amount: float = Field(default=0, ge=0, le=MOST, description="How long to wait", examples=[10])
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
    subtitle="Seconds to months",
    keywords=("delay", "sleep", "pause", "until", "timer"),
)
def wait(params: Wait, run: RunInfo) -> Waiting:
    """Let the run rest for a while or until a date, then pass the value on.

    A waiting run holds no worker and survives every restart; it can wait for months. A date that is past waits not at
    all. Days, weeks and months keep the time of day of the time zone when clocks change.

    With a list: the list is passed on whole, after one wait.
    """
    where = zone(params.time_zone, "time_zone")
    if params.until:
        return Waiting(until=parse(params.until, where, "until").astimezone(UTC), value=params.value)
    return Waiting(until=after(params.amount, params.unit, run.now, params.time_zone), value=params.value)


def after(amount: float, unit: Unit, now: datetime, time_zone: str = "UTC") -> datetime:
    """The moment that long after `now`, in UTC. Raises BadParams naming `amount` beyond the year 9999."""
    try:
        if unit in ("seconds", "minutes", "hours"):
            return now + timedelta(**{unit: amount})
        local = now.astimezone(zone(time_zone, "time_zone"))
        if unit == "months":
            return add_months(local, round(amount)).astimezone(UTC)
        return (local + timedelta(**{unit: amount})).astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise BadParams("This wait ends after the year 9999.", field="amount", hint="Wait for less.") from error


class Opened(BaseModel):
    """The address, as soon as it may be called."""

    url: str = Field(description="The address to send; it works once")
    expires: datetime | None = Field(description="When it closes; nothing if it stays open until it is called")


class WaitForCall(Params):
    title: str = Field(
        default="Please confirm",
        min_length=1,
        max_length=200,
        description="What the page at the address says to who opens it",
        examples=["Confirm your order 4411"],
    )
    message: Annotated[str, Multiline(rows=3)] = Field(
        default="", max_length=5_000, description="More words for that page", examples=["We ship it tomorrow."]
    )
    button: str = Field(
        default="Confirm", min_length=1, max_length=60, description="What its button says", examples=["Confirm"]
    )
    about: Annotated[Any, Port()] = Field(
        default=None,
        description="What the call is about: a list opens one address for each of its items",
        examples=[{"id": 7}],
    )
    amount: float = Field(default=7, ge=0, le=MOST, description="How long the address stays open", examples=[7])
    unit: Annotated[Unit | Literal["for ever"], Select(options=(*get_args(Unit), "for ever"))] = Field(
        default="days", description="The unit of that time, or for ever", examples=["days"]
    )
    on_deadline: Annotated[Literal["fail", "expired"], Select(options=("fail", "expired"))] = Field(
        default="fail", description="If no call comes in time: fail the step, or go on at Expired", examples=["expired"]
    )


@action(
    "flow.wait_for_call",
    title="Wait for call",
    category="flow",
    icon="link",
    outputs=(
        Output("opened", "Opened", "The address, at once: a step that sends it is wired here", type=Opened, early=True),
        Output("called", "Called", "What the call brought: its JSON, the fields of its form, or its query"),
        Output("expired", "Expired", "The address, after nobody called it in time", type=Opened),
    ),
    subtitle="A one-time address",
    keywords=("callback", "webhook", "confirm", "link", "resume", "wait", "url", "answer"),
)
def wait_for_call(params: WaitForCall, run: RunInfo, answer: Answer, address: OneTimeAddress) -> Fired | Asking:
    """Open a one-time address, and wait until somebody calls it.

    `opened` has the address at once, so that a following step can send it. Whoever opens it in a browser sees a page
    with a button; only pressing it, or a POST by a program, counts, since mail scanners follow links. The first call
    counts; one that comes before the run rests is kept.

    With a list: one address per item; what the calls brought stands in the order of the items.
    """
    until = None if params.unit == "for ever" else after(params.amount, params.unit, run.now)
    if answer.came:
        return Fired("called", answer.value.get("payload"))
    opened = {"url": address.url, "expires": until}
    if answer.late and params.on_deadline == "fail":
        raise Expired("Nobody called the address in time.", hint="Give it longer, or go on at Expired.")
    if answer.late:
        return Fired("expired", {**opened, "url": ""})
    detail = {"title": params.title, "message": params.message, "button": params.button}
    return Asking("call", until, detail, early=Fired("opened", opened))


class Decision(BaseModel):
    """What was decided, by whom and when."""

    by: str = Field(description="The name of who decided; empty if the deadline did")
    at: datetime = Field(description="When")
    note: str = Field(description="What they wrote with it")
    value: Any = Field(description="What was decided on")


ROLES = {"nobody else": "", "editors": "editor", "owners": "owner"}


class Approval(Params):
    title: str = Field(
        min_length=1,
        max_length=200,
        description="What is to be approved",
        examples=["Approve refund of $790"],
    )
    evidence: Annotated[Any, Port()] = Field(
        default=None,
        description="What the decision is about, shown with it: a list asks for each of its items",
        examples=[{"order": 4411, "refund": 790}],
    )
    people: list[str] = Field(
        default_factory=list,
        description="The e-mail addresses of those who may decide; with neither people nor a role, every member may",
        examples=[["ada@example.com"]],
    )
    role: Annotated[
        Literal["nobody else", "editors", "owners"], Select(options=("nobody else", "editors", "owners"))
    ] = Field(
        default="nobody else",
        description="Who may decide beside these people; without people they alone, and owners count as editors",
        examples=["owners"],
    )
    amount: float = Field(default=7, ge=0, le=MOST, description="How long there is to decide", examples=[7])
    unit: Annotated[Unit | Literal["for ever"], Select(options=(*get_args(Unit), "for ever"))] = Field(
        default="days", description="The unit of that time, or for ever", examples=["days"]
    )
    on_deadline: Annotated[
        Literal["fail", "approve", "reject", "expired"],
        Select(options=("fail", "approve", "reject", "expired")),
    ] = Field(
        default="fail",
        description="If nobody decides in time: fail the step, count as approved or rejected, or go on at Expired",
        examples=["reject"],
    )


@action(
    "flow.approval",
    title="Approval",
    category="flow",
    icon="badge-check",
    outputs=(
        Output("approved", "Approved", "Who approved, when, with which note, and what", type=Decision),
        Output("rejected", "Rejected", "Who rejected, when, why, and what", type=Decision),
        Output("expired", "Expired", "What nobody decided on in time", type=Decision),
    ),
    subtitle="A person decides",
    keywords=("approve", "reject", "human", "review", "confirm", "sign off", "decide"),
)
def approval(params: Approval, run: RunInfo, answer: Answer) -> Fired | Asking:
    """Ask people of the workspace, and go on when one of them has approved or rejected.

    They see it on their home page and on the run's page, with what it is about. Rejecting asks why. The first decision
    counts.

    With a list: each item is asked by itself and leaves through the output that its decision chose.
    """
    until = None if params.unit == "for ever" else after(params.amount, params.unit, run.now)
    if answer.came:
        decided = {"by": answer.value.get("by", ""), "at": answer.value.get("at"), "note": answer.value.get("note", "")}
        chosen = "approved" if answer.value.get("choice") == "approve" else "rejected"
        return Fired(chosen, {**decided, "value": params.evidence})
    if answer.late and params.on_deadline == "fail":
        raise Expired("Nobody decided in time.", hint="Give it longer, or choose what happens at the deadline.")
    if answer.late:
        by_deadline = {"by": "", "at": until, "note": "Nobody decided in time.", "value": params.evidence}
        ends = {"approve": "approved", "reject": "rejected", "expired": "expired"}
        return Fired(ends[params.on_deadline], by_deadline)
    people = sorted({person.strip().lower() for person in params.people if person.strip()})
    detail = {"title": params.title, "people": people, "role": ROLES[params.role], "on_deadline": params.on_deadline}
    return Asking("approval", until, detail, evidence=params.evidence)

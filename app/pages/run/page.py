"""The page ``/runs/[run_id]``."""

from typing import Any

import reflex as rx

from app.components.layout import page_header, shell
from app.components.runs import Result, ask_card, ask_repeats, reject_dialog, result_panel, timeline, waits_for
from app.components.theme import (
    button,
    card,
    confirm,
    elapsed,
    error_state,
    link_button,
    moment,
    notice,
    progress_bar,
    skeleton_rows,
    state_chip,
)
from app.deciding import Asks
from app.pages.run.again_state import Again
from app.pages.run.panel import panel
from app.pages.run.state import Results, RunHead, RunSteps
from app.pages.run.step_state import StepPanel


def _fact(word: str, value: rx.Component | rx.Var[str]) -> rx.Component:
    return rx.el.div(rx.el.dt(word, class_name="hint"), rx.el.dd(value))


def _linked(word: str, links: rx.Var[Any]) -> rx.Component:
    """The runs that this one stands in line with."""
    shown = rx.foreach(
        links.to(list[dict[str, str]]), lambda one: rx.el.a(one["name"], href=one["href"], class_name="mono")
    )
    return rx.cond(links, _fact(word, rx.el.span(shown, class_name="row wrap tight")), rx.fragment())


def _what_it_is() -> rx.Component:
    """That nothing was sent, or that only a part ran."""
    head = RunHead.head
    dry = notice(
        "Dry run: nothing was sent",
        rx.el.p("Steps that only read did so. A step that would write shows what it would send."),
        tone="wait",
    )
    part = notice("A part of the workflow", rx.el.p(head["part"].to(str)))
    return rx.fragment(rx.cond(head["dry"], dry, rx.fragment()), rx.cond(head["part"], part, rx.fragment()))


def _facts() -> rx.Component:
    head, progress = RunHead.head, RunHead.progress
    since, until = head["since"].to(int), head["until"].to(int)
    going = rx.el.div(
        progress_bar(progress["percent"].to(float), "Progress of the run"),
        rx.el.span(
            rx.cond(head["waits"], waits_for(head), rx.cond(progress["left"], progress["left"], "working …")),
            class_name="hint",
        ),
        class_name="going",
    )
    return card(
        rx.el.dl(
            _fact("Started", moment(head["created_at"].to(int), "clock")),
            _fact(rx.cond(RunHead.ended, "Took", "Elapsed").to(str), elapsed(since, until)),
            _fact("Steps", progress["steps"].to(str)),
            rx.cond(progress["items"], _fact("Items", progress["items"].to(str)), rx.fragment()),
            rx.cond(head["cost"], _fact("Cost", head["cost"].to(str)), rx.fragment()),
            _fact("Version", head["version"].to(str)),
            rx.cond(head["attempt"] != "1", _fact("Attempt", head["attempt"].to(str)), rx.fragment()),
            _fact("Started by", head["source"].to(str)),
            _linked("Again of", head["again_of"]),
            _linked("Followed by", head["followed_by"]),
            _linked("Called by", head["called_by"]),
            _linked("Calls", head["called"]),
            class_name="facts",
        ),
        rx.cond(RunHead.ended, rx.fragment(), going),
        class_name="pad facts-card",
    )


def _failure() -> rx.Component:
    failure = RunHead.failure
    where = rx.cond(failure["where"], rx.el.p(rx.el.b("Where: ", class_name="inline"), failure["where"]), rx.fragment())
    hint = rx.cond(failure["hint"], rx.el.p(failure["hint"]), rx.fragment())
    show = rx.cond(
        failure["node"],
        button("Show the step", kind="small", on_click=StepPanel.choose(failure["node"].to(str))),
        rx.fragment(),
    )
    return rx.cond(
        failure["message"],
        notice(failure["message"].to(str), where, hint, show, tone="bad"),
        rx.fragment(),
    )


def _asked() -> rx.Component:
    def card_of(one: Any) -> rx.Component:
        return ask_card(one, Asks.decide, Asks.approve, Asks.ask_why, linked=False)

    cards = rx.el.ul(
        rx.foreach(Asks.open.to(list[dict[str, Any]]), card_of),
        class_name="asks",
        aria_label="What waits for a person",
    )
    return rx.fragment(
        rx.cond(Asks.open, cards, rx.fragment()),
        reject_dialog(Asks.rejecting != "", Asks.error, Asks.ask_why(""), Asks.reject),
    )


def _steps() -> rx.Component:
    return card(
        rx.el.div(
            rx.el.h2("Steps"),
            rx.el.span("choose one to see what went through it", class_name="hint"),
            class_name="head",
        ),
        timeline(
            rows=RunSteps.rows,
            rev=RunSteps.rev,
            patch=RunSteps.patch,
            patch_seq=RunSteps.patch_seq,
            start=RunHead.head["since"].to(int),
            end=RunHead.head["until"].to(int),
            selected=rx.cond(StepPanel.open, StepPanel.facts["id"].to(str), ""),
            on_select=StepPanel.choose,
            on_toggle=RunSteps.toggle,
        ),
        class_name="clip",
    )


def _results() -> rx.Component:
    shown = rx.foreach(Results.shown.to(list[Result]), lambda one: result_panel(one, Results.turn, Results.narrow))
    return rx.cond(
        Results.shown,
        rx.el.section(rx.el.h2("Results", class_name="section-head"), rx.el.div(shown, class_name="stack results")),
        rx.fragment(),
    )


def _header() -> rx.Component:
    head = RunHead.head
    stop = button("Cancel", kind="danger", icon_name="circle-stop", on_click=RunHead.ask_cancel(True))
    retry = button(head["retry"].to(str), kind="primary", icon_name="rotate-ccw", on_click=Again.retry)
    mended = button("Retry as drawn now", kind="", icon_name="pen", on_click=Again.retry_draft)
    rests = (head["status"] == "paused") | (head["wanted"] == "pause")
    rest = rx.cond(
        rests,
        button("Resume", icon_name="play", on_click=RunHead.resume),
        button("Pause", icon_name="pause", on_click=RunHead.pause),
    )
    return page_header(
        head["workflow"].to(str),
        link_button("Open in the editor", f"/w/{head['workflow_id']}?run={head['id']}", icon_name="pen"),
        rx.cond(head["failed"].to(int) > 0, rx.fragment(retry, mended), rx.fragment()),
        button("Run again", icon_name="rotate-cw", on_click=Again.again),
        rx.cond(RunHead.ended, rx.fragment(), rx.fragment(rest, stop)),
        before=rx.el.a("Runs /", href="/runs", class_name="muted crumb"),
        beside=rx.el.span(state_chip(rx.cond(Asks.needs, "asking", head["status"].to(str))), role="status"),
    )


def _run() -> rx.Component:
    return rx.fragment(
        _header(),
        _facts(),
        _what_it_is(),
        _failure(),
        _asked(),
        rx.el.div(
            rx.el.div(_steps(), _results(), class_name="stack"),
            rx.cond(StepPanel.open, panel(), rx.fragment()),
            class_name=rx.cond(StepPanel.open, "run-grid with-panel", "run-grid"),
        ),
        ask_repeats(
            repeats=Again.repeats,
            whole=Again.whole,
            open=Again.asked,
            on_close=Again.close,
            on_confirm=Again.confirm,
        ),
        confirm(
            "Cancel this run?",
            "What a step is writing just now is finished and recorded; nothing new starts. It can be run again.",
            open=RunHead.asked,
            on_close=RunHead.ask_cancel(False),
            on_confirm=RunHead.cancel,
            action="Cancel the run",
        ),
    )


def _missing() -> rx.Component:
    return card(
        error_state(
            "This run does not exist",
            "It may belong to another workspace, or its address was cut short. The list shows every run you can see.",
            link_button("All runs", "/runs", kind="primary"),
            heading=True,
        )
    )


@rx.page(route="/runs/[run_id]", title="Run · Weft", on_load=RunHead.load)
def run() -> rx.Component:
    """One run, as it happens and afterwards."""
    body = rx.cond(RunHead.missing, _missing(), _run())
    return shell(rx.cond(RunHead.ready, body, card(skeleton_rows(9))), active="runs")

"""The run under the canvas and its results beside it."""

from typing import Any

import reflex as rx
from reflex.vars import BooleanVar, NumberVar, ObjectVar, StringVar

from app.components.runs.results import result_panel
from app.components.runs.timeline import TimelineStep, timeline
from app.components.theme import icon, icon_button, state_chip
from app.components.theme.time import elapsed

Record = ObjectVar[Any]


def run_strip(
    *,
    shown: BooleanVar,
    run_id: StringVar[str],
    name: StringVar[str],
    status: StringVar[str],
    told: StringVar[str],
    active: BooleanVar,
    asks: BooleanVar,
    started: NumberVar[int],
    ended: NumberVar[int],
    failure: Record,
    trial: StringVar[str],
    has_results: BooleanVar,
    steps: dict[str, Any],
    selected: StringVar[str],
    handlers: dict[str, Any],
) -> rx.Component:
    """``asks``: whoever looks is asked for something. ``steps``: rows, rev, patch, patch_seq. ``handlers``: all, pause,
    resume, cancel, results, close, step(id)."""
    facts = rx.el.span(elapsed(started, ended), " · ", told, class_name="hint truncate num")
    rest = rx.cond(
        status == "paused",
        rx.el.button("Resume", type="button", class_name="btn ghost small", on_click=handlers["resume"]),
        rx.el.button("Pause", type="button", class_name="btn ghost small", on_click=handlers["pause"]),
    )
    actions = [
        rx.cond(active, rest, rx.fragment()),
        rx.cond(
            active,
            rx.el.button("Cancel", type="button", class_name="btn ghost small", on_click=handlers["cancel"]),
            rx.fragment(),
        ),
        rx.cond(
            has_results,
            rx.el.button(
                icon("table-2"), "Results", type="button", class_name="btn ghost small", on_click=handlers["results"]
            ),
            rx.fragment(),
        ),
        rx.cond(
            asks,
            rx.el.a("Answer", href="/runs/" + run_id, class_name="btn primary small"),
            rx.el.a("Open run", href="/runs/" + run_id, class_name="btn ghost small"),
        ),
        icon_button("chevron-down", "Fold", on_click=handlers["close"]),
    ]
    trial_note = rx.cond(
        (trial != "") & ~active,
        rx.el.div(
            icon("repeat"),
            rx.el.span(trial, class_name="grow truncate"),
            rx.el.button("Run for all items", type="button", class_name="btn small", on_click=handlers["all"]),
            class_name="ed-strip-trial",
        ),
        rx.fragment(),
    )
    message = rx.cond(
        failure["message"].to(str) != "",
        rx.el.div(
            icon("octagon-alert"),
            rx.el.b(failure["message"]),
            rx.el.span(failure["hint"], class_name="truncate"),
            class_name="ed-strip-error",
            role="alert",
        ),
        rx.fragment(),
    )
    open_strip = rx.el.section(
        rx.el.div(
            rx.el.b("Run ", rx.el.span(name, class_name="mono")),
            state_chip(rx.cond(asks, "asking", status).to(str)),
            facts,
            rx.el.span(class_name="grow"),
            *actions,
            class_name="ed-strip-head",
        ),
        message,
        trial_note,
        timeline(
            rows=steps["rows"].to(list[TimelineStep]),
            rev=steps["rev"],
            patch=steps["patch"].to(list[TimelineStep]),
            patch_seq=steps["patch_seq"],
            start=started,
            end=ended,
            selected=selected,
            on_select=handlers["step"],
        ),
        class_name="card ed-strip",
        aria_label="Run",
    )  # fmt: skip
    folded = rx.el.button(
        state_chip(rx.cond(asks, "asking", status).to(str)),
        rx.el.span(told, class_name="hint truncate"),
        icon("chevron-up"),
        type="button",
        class_name="card ed-strip-folded",
        aria_label="Unfold the run",
        on_click=handlers["close"],
    )
    return rx.cond(run_id != "", rx.cond(shown, open_strip, folded), rx.fragment())


def results_pane(
    *, shown: BooleanVar, results: Any, status: StringVar[str], run_id: StringVar[str], handlers: dict[str, Any]
) -> rx.Component:
    """What the Output nodes show. ``handlers``: results, page(node, start), narrow(node, only)."""
    panel = rx.el.aside(
        rx.el.div(
            rx.el.h2("Results", class_name="grow"),
            state_chip(status),
            rx.el.a("Open run", href="/runs/" + run_id, class_name="btn ghost small"),
            icon_button("x", "Close the results", on_click=handlers["results"]),
            class_name="ed-results-head",
        ),
        rx.el.div(
            rx.foreach(results, lambda one: result_panel(one, handlers["page"], handlers["narrow"])),
            class_name="ed-results-body stack",
        ),
        class_name="ed-results",
        aria_label="Results",
    )
    return rx.cond(shown, panel, rx.fragment())

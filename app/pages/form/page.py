"""The page ``/f/[token]``."""

import reflex as rx

from app.components.layout import public_frame
from app.components.runs import Result, result_panel
from app.components.theme import (
    duration,
    error_state,
    icon,
    link_button,
    logo,
    notice,
    progress_bar,
    skeleton_rows,
    state_chip,
    submit_button,
)
from app.pages.form.fields import form_field
from app.pages.form.state import Form, Outcome


def _form() -> rx.Component:
    return rx.el.section(
        rx.el.div(logo(30), rx.el.b(Form.workspace), class_name="row owner"),
        rx.el.h1(Form.title),
        rx.cond(Form.description, rx.el.p(Form.description, class_name="muted"), rx.fragment()),
        rx.el.form(
            rx.foreach(Form.fields, form_field),
            rx.cond(Form.error, notice(Form.error, tone="bad"), rx.fragment()),
            rx.el.div(
                submit_button(Form.button, busy=Form.busy, kind="primary large"),
                rx.el.span(Form.takes, class_name="hint"),
                class_name="row wrap submit",
            ),
            on_submit=Form.submit,
        ),
        class_name="form-side",
    )


def _waiting() -> rx.Component:
    return rx.el.div(
        rx.el.span(icon("chart-bar"), class_name="tile plain"),
        rx.el.b("The result appears here"),
        rx.el.p("Fill in the form and start it. You may leave: the address of this page finds the result again."),
        class_name="empty",
    )


def _head() -> rx.Component:
    took = rx.el.span("in ", duration(Outcome.took), class_name="hint")
    return rx.el.div(
        rx.el.h2("Result", class_name="big"),
        rx.el.span(state_chip(Outcome.status), role="status"),
        rx.cond(Outcome.status == "done", took, rx.fragment()),
        rx.el.span(class_name="grow"),
        rx.cond(
            Outcome.download["href"],
            link_button(
                "Download XLSX",
                Outcome.download["href"],
                icon_name="download",
                download=Outcome.download["name"],
                reload_document=True,
            ),
            rx.fragment(),
        ),
        class_name="row wrap result-head",
    )


def _going() -> rx.Component:
    return rx.el.div(
        progress_bar(Outcome.percent, "Progress"),
        rx.el.span(rx.cond(Outcome.left, Outcome.left, "working …"), class_name="hint"),
        class_name="stack tight",
    )


def _outcome() -> rx.Component:
    results = rx.foreach(Outcome.shown.to(list[Result]), lambda one: result_panel(one, Outcome.turn, Outcome.narrow))
    failed = notice(rx.cond(Outcome.error, Outcome.error, "This run was cancelled."), tone="bad")
    shown = rx.match(
        Outcome.status,
        ("done", rx.el.div(results, class_name="stack results")),
        ("failed", failed),
        ("cancelled", failed),
        _going(),
    )
    return rx.el.section(
        rx.cond(Outcome.status == "", _waiting(), rx.fragment(_head(), shown)),
        class_name="outcome-side",
        id="outcome",
        aria_label="Result",
        aria_live="polite",
    )


def _missing() -> rx.Component:
    return rx.el.div(
        error_state(
            "This form is closed",
            "Its address is unknown or the owner has closed it. Ask whoever sent you the address for a new one.",
            heading=True,
        ),
        class_name="center-page",
    )


@rx.page(route="/f/[token]", title="Form · Weft", on_load=Form.load)
def form() -> rx.Component:
    """The form at the left, its result at the right."""
    open_form = rx.el.div(_form(), _outcome(), class_name="form-split")
    return public_frame(
        rx.cond(
            Form.ready,
            rx.cond(Form.missing, _missing(), open_form),
            rx.el.div(skeleton_rows(6), class_name="form-side"),
        )
    )

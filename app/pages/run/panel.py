"""The panel of the chosen step."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.runs import ValueView, value_view
from app.components.theme import code_block, elapsed, icon, icon_button, notice, state_chip, tile
from app.pages.run.step_state import StepPanel

SIDES = (("output", "Output"), ("input", "Input"), ("error", "Error"), ("log", "Log"))


def _head() -> rx.Component:
    facts = StepPanel.facts
    hints = rx.el.span(
        elapsed(facts["start"].to(int), facts["end"].to(int)),
        rx.cond(facts["items"], f" · {facts['items']}", ""),
        rx.cond(facts["attempt"], f" · {facts['attempt']}", ""),
        class_name="hint",
    )
    return rx.el.div(
        tile(facts["icon"].to(str), facts["category"].to(str)),
        rx.el.div(rx.el.h2(facts["label"], class_name="truncate"), hints, class_name="grow"),
        state_chip(facts["status"].to(str)),
        icon_button("x", "Close the step", on_click=StepPanel.close),
        class_name="head",
    )


def _side(value: str, word: str) -> rx.Component:
    chosen = StepPanel.side == value
    failed = rx.cond(StepPanel.failure["message"], icon("circle-alert", "s14 bad-text"), rx.fragment())
    return rx.el.button(
        word,
        failed if value == "error" else rx.fragment(),
        type="button",
        role="tab",
        aria_selected=chosen,
        on_click=StepPanel.turn_to(value),
    )


def _ports() -> rx.Component:
    choice = rx.el.select(
        rx.foreach(StepPanel.ports, lambda one: rx.el.option(one["label"], value=one["value"])),
        value=StepPanel.port,
        on_change=StepPanel.show_port,
        class_name="input",
        aria_label="Which value",
    )
    one = rx.el.span(StepPanel.ports[0]["label"], class_name="hint")
    return rx.cond(StepPanel.ports.length() > 1, choice, rx.cond(StepPanel.ports, one, rx.fragment()))


def _values() -> rx.Component:
    view = StepPanel.view.to(ValueView)
    nothing = rx.cond(
        StepPanel.side == "input", "This step takes nothing from another one.", "Nothing has come out of this step yet."
    )
    return rx.el.div(
        _ports(),
        rx.cond(
            StepPanel.ports,
            value_view(view, "Values of the step", StepPanel.turn),
            rx.el.p(nothing, class_name="hint"),
        ),
        class_name="stack tight",
    )


def _not_called() -> rx.Component:
    """Why the step was not called in this run, and in a dry run what it would have sent."""
    told = StepPanel.came_from
    link = rx.el.p("From run ", rx.el.a(told["run"], href=told["link"], class_name="mono"), ".")
    items = rx.foreach(
        StepPanel.would_send,
        lambda one: rx.el.details(
            rx.el.summary(one["where"]), code_block(one["text"].to(str)), class_name="would-send"
        ),
    )
    return rx.cond(
        told["title"],
        rx.el.div(
            notice(
                told["title"].to(str),
                rx.cond(told["text"], rx.el.p(told["text"]), rx.fragment()),
                rx.cond(told["link"], link, rx.fragment()),
            ),
            rx.cond(
                told["sends"],
                rx.el.div(rx.el.h3("Would send", class_name="hint"), code_block(told["sends"].to(str))),
                rx.fragment(),
            ),
            rx.cond(
                StepPanel.would_send,
                rx.el.div(rx.el.h3("Would send", class_name="hint"), items, class_name="stack tight"),
                rx.fragment(),
            ),
            class_name="stack tight not-called",
        ),
        rx.fragment(),
    )


def _item(failure: ObjectVar[Any]) -> rx.Component:
    return rx.el.li(rx.el.b(failure["where"]), rx.el.p(failure["message"]), rx.el.p(failure["hint"], class_name="hint"))


def _exchange(word: str, name: str) -> rx.Component:
    told = StepPanel.failure[name].to(str)
    return rx.cond(told, rx.el.div(rx.el.h3(word, class_name="hint"), code_block(told)), rx.fragment())


def _error() -> rx.Component:
    failure = StepPanel.failure
    told = notice(
        failure["message"].to(str),
        rx.cond(failure["where"], rx.el.p(failure["where"], class_name="hint"), rx.fragment()),
        rx.cond(failure["hint"], rx.el.p(failure["hint"]), rx.fragment()),
        tone="bad",
    )
    items = rx.cond(
        StepPanel.failed_items,
        rx.el.div(
            rx.el.h3("Items that failed", class_name="hint"),
            rx.el.ul(rx.foreach(StepPanel.failed_items, _item), class_name="failures"),
        ),
        rx.fragment(),
    )
    nothing = rx.el.p("Nothing went wrong here.", class_name="hint")
    fine = (failure["message"] == "") & (StepPanel.failed_items.length() == 0)
    return rx.el.div(
        rx.cond(fine, nothing, rx.fragment()),
        rx.cond(failure["message"], told, rx.fragment()),
        _exchange("Request", "request"),
        _exchange("Response", "response"),
        items,
        class_name="stack tight",
    )


def _line(line: ObjectVar[Any]) -> rx.Component:
    warned = rx.cond(line["level"] == "warning", rx.el.b("Warning: "), rx.fragment())
    return rx.el.li(warned, line["text"], class_name=rx.cond(line["level"] == "warning", "warned", ""))


def _log() -> rx.Component:
    lines = rx.el.ol(rx.foreach(StepPanel.log, _line), class_name="code-well log", tab_index=0)
    return rx.cond(StepPanel.log, lines, rx.el.p("This step wrote nothing into its log.", class_name="hint"))


def panel() -> rx.Component:
    """Output, input, error and log of the chosen step."""
    body = rx.match(StepPanel.side, ("error", _error()), ("log", _log()), _values())
    return rx.el.aside(
        _head(),
        rx.el.div(*[_side(*side) for side in SIDES], class_name="tabs", role="tablist", aria_label="What to show"),
        rx.el.div(_not_called(), body, class_name="panel-body", role="tabpanel"),
        class_name=rx.cond(StepPanel.by_itself, "card clip step-panel by-itself", "card clip step-panel"),
        aria_label="Chosen step",
    )

"""What waits for a person: what it is about first, then the buttons that decide."""

from collections.abc import Callable
from typing import Any, TypedDict

import reflex as rx
from reflex.vars import ObjectVar

from app.components.theme import button, icon, link_button, modal, moment, text_area

Decide = Callable[[rx.Var[str], str], Any]


class Fact(TypedDict):
    """One named value of the evidence."""

    name: str
    text: str


class Ask(TypedDict):
    """One thing to decide; ``choices`` are (choice, word, kind of button), ``href`` is the run's page."""

    id: str
    title: str
    about: str
    icon: str
    facts: list[Fact]
    text: str
    deadline: int
    on_deadline: str
    at: int
    href: str
    choices: list[dict[str, str]]
    for_others: str
    takes_note: bool


def ask_card(one: ObjectVar[Any], decide: Any, approve: Any, reject: Any, *, linked: bool) -> rx.Component:
    """A card with evidence before the buttons.

    ``decide(id, choice)``; ``approve(filled)`` takes ``id`` and ``note``; ``reject(id)`` asks why first.
    """
    look = link_button("Open the run", one["href"].to(str)) if linked else rx.fragment()
    key = one["id"].to(str)
    buttons = rx.foreach(one["choices"].to(list[dict[str, str]]), lambda choice: _choice(key, choice, decide, reject))
    note = rx.el.input(
        name="note",
        class_name="input",
        max_length=2000,
        placeholder="Add a note",
        aria_label="A note",
    )
    return rx.el.li(
        rx.el.div(
            rx.el.span(icon(one["icon"].to(str)), class_name="tile wait"),
            rx.el.div(
                rx.el.b(one["title"].to(str)),
                rx.el.span(one["about"].to(str), " · asked ", moment(one["at"].to(int)), class_name="hint"),
                class_name="grow words",
            ),
            class_name="row top",
        ),
        _evidence(one),
        _deadline(one),
        rx.cond(one["for_others"], rx.el.p(one["for_others"].to(str), class_name="hint"), rx.fragment()),
        rx.el.form(
            rx.cond(one["takes_note"], note, rx.fragment()),
            rx.el.div(buttons, look, class_name="row wrap ask-buttons"),
            # The form's handler stands outside of the list, so the card's id travels with what is filled in.
            rx.el.input(type="hidden", name="id", value=key),
            on_submit=approve,
            class_name="stack",
        ),
        class_name="card need wait ask",
        key=one["id"],
    )


def reject_dialog(open_: rx.Var[bool], error: rx.Var[str], on_close: Any, on_submit: Any) -> rx.Component:
    """Rejecting asks why."""
    why = text_area("why", rows=4, required=True, max_length=2000, auto_focus=True, aria_label="Why is it rejected?")
    form = rx.el.form(
        rx.el.label("Why?", html_for="why"),
        why,
        rx.cond(error, rx.el.span(error, class_name="error", role="alert"), rx.fragment()),
        id="reject",
        on_submit=on_submit,
        class_name="stack",
    )
    return modal(
        "Reject this",
        rx.el.p("What you write goes to the run, and to whoever looks at it.", class_name="muted"),
        form,
        open=open_,
        on_close=on_close,
        foot=[
            button("Back", on_click=on_close),
            button("Reject", kind="danger solid", type="submit", form="reject"),
        ],
    )


def _choice(key: rx.Var[str], choice: ObjectVar[Any], decide: Any, reject: Any) -> rx.Component:
    return rx.match(
        choice["choice"],
        ("reject", button(choice["word"].to(str), on_click=reject(key))),
        ("approve", button(choice["word"].to(str), kind="primary", type="submit")),
        rx.cond(
            choice["main"],
            button(choice["word"].to(str), kind="primary", on_click=decide(key, choice["choice"].to(str))),
            button(choice["word"].to(str), on_click=decide(key, choice["choice"].to(str))),
        ),
    )


def _evidence(one: ObjectVar[Any]) -> rx.Component:
    facts = rx.el.dl(
        rx.foreach(
            one["facts"].to(list[dict[str, str]]),
            lambda fact: rx.fragment(rx.el.dt(fact["name"], class_name="hint"), rx.el.dd(fact["text"])),
        ),
        class_name="ask-facts",
    )
    text = rx.cond(one["text"], rx.el.pre(one["text"].to(str), class_name="code ask-text", tab_index=0), rx.fragment())
    return rx.cond(one["facts"].to(list[dict[str, str]]).length() > 0, facts, text)


def _deadline(one: ObjectVar[Any]) -> rx.Component:
    told = rx.el.span("Until ", moment(one["deadline"].to(int), "short"), one["on_deadline"].to(str))
    return rx.cond(
        one["deadline"].to(int) > 0, rx.el.p(icon("clock"), told, class_name="hint row tight"), rx.fragment()
    )

"""The bar above the canvas: where one is, what state the draft is in, and what can be done with all of it."""

from typing import Any

import reflex as rx
from reflex.vars import BooleanVar, StringVar

from app.components.canvas import flush_button, history_buttons, save_state
from app.components.theme import icon, icon_button, menu, switch


def _title(name: StringVar[str], badge: StringVar[str], on_rename: Any) -> rx.Component:
    field = rx.el.input(
        default_value=name,
        key=name,
        on_blur=on_rename,
        class_name="ed-name",
        aria_label="Name of the workflow",
        max_length=200,
        spell_check=False,
    )
    return rx.el.div(
        rx.el.a("Workflows", href="/workflows", class_name="muted ed-crumb"),
        rx.el.span("/", class_name="hint ed-crumb", aria_hidden="true"),
        rx.el.h1(field, class_name="ed-title"),
        rx.el.span(badge, class_name="chip ed-badge", custom_attrs={"data-testid": "draft-badge"}),
        class_name="ed-where",
    )


def _on_switch(enabled: BooleanVar, on_switch: Any) -> rx.Component:
    return rx.el.label(
        switch("On: published and triggering", checked=enabled, on_change=on_switch),
        rx.cond(enabled, "On", "Off"),
        class_name=rx.cond(enabled, "ed-on on", "ed-on"),
        title=rx.cond(enabled, "Published and triggering", "Nothing starts it by itself"),
    )


def top_bar(
    *,
    name: StringVar[str],
    badge: StringVar[str],
    enabled: BooleanVar,
    can_undo: BooleanVar,
    can_redo: BooleanVar,
    run: rx.Component,
    quiet: BooleanVar,
    on_rename: Any,
    on_switch: Any,
    on_dialog: Any,
) -> rx.Component:
    """``on_dialog(word)`` opens history, share, values, text, publish. ``run``: the Run button with its menu, but for a
    ``quiet`` bar, where the start card has it."""
    wide = [
        rx.el.button(icon("history"), "History", type="button", class_name="btn ghost", on_click=on_dialog("history")),
        rx.el.button(icon("share-2"), "Share", type="button", class_name="btn ghost", on_click=on_dialog("share")),
        icon_button("database", "Stored values", on_click=on_dialog("values")),
        icon_button("code", "Text view", on_click=on_dialog("text")),
    ]
    narrow = menu(
        "More",
        rx.el.button(icon("history"), "History", type="button", on_click=on_dialog("history")),
        rx.el.button(icon("share-2"), "Share", type="button", on_click=on_dialog("share")),
        rx.el.button(icon("database"), "Stored values", type="button", on_click=on_dialog("values")),
        rx.el.button(icon("code"), "Text view", type="button", on_click=on_dialog("text")),
        rx.el.button(icon("upload"), "Publish", type="button", on_click=on_dialog("publish")),
    )
    return rx.el.header(
        _title(name, badge, on_rename),
        _on_switch(enabled, on_switch),
        rx.el.span(class_name="grow"),
        save_state(),
        history_buttons(can_undo=can_undo, can_redo=can_redo),
        rx.el.div(*wide, class_name="row ed-wide"),
        flush_button("Publish", class_name="btn ed-wide", test_id="publish", on_go=on_dialog("publish")),
        rx.el.div(narrow, class_name="ed-narrow"),
        rx.cond(quiet, rx.fragment(), run),
        class_name="ed-top",
    )

"""The form of a node: labels, badges, help, problems and previews around the controls."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.forms.widgets import View, control
from app.components.theme import icon


def _label(view: View) -> rx.Component:
    words = [
        view["title"],
        rx.cond(view["required"], rx.el.span("needed", class_name="hint nf-needed"), rx.fragment()),
        rx.cond(view["lists"], rx.el.span(view["lists"], class_name="chip nf-levels"), rx.fragment()),
    ]
    return rx.el.label(*words, html_for=view["key"])


def _problem(view: View, on_fix: Any) -> rx.Component:
    fix = rx.cond(
        view["fix"],
        rx.el.button(view["fix"], type="button", class_name="btn small", on_click=on_fix(view["name"])),
        rx.fragment(),
    )
    said = rx.el.div(icon("circle-alert"), rx.el.span(view["problem"], class_name="grow"), fix, class_name="nf-problem")
    return rx.cond(view["problem"], said, rx.fragment())


def _preview(view: View) -> rx.Component:
    tone = rx.cond(view["preview_bad"], "nf-preview mono bad", "nf-preview mono")
    said = rx.el.div(
        icon("corner-down-right"), rx.el.span(view["preview"], title=view["preview"]), class_name=tone, role="status"
    )
    return rx.cond(view["preview"], said, rx.fragment())


def _field(view: View, on_fix: Any) -> rx.Component:
    about = rx.el.div(
        rx.cond(
            (view["help"] != "") & (view["widget"] != "boolean"),
            rx.el.span(view["help"], class_name="hint help"),
            rx.fragment(),
        ),
        _problem(view, on_fix),
        id=view["key"].to(str) + "-about",
    )
    return rx.el.div(
        _label(view),
        control(view),
        _preview(view),
        about,
        class_name="field",
        key=view["key"],
        custom_attrs={"data-field": view["name"]},
    )


def node_form(fields: rx.Var[list[dict[str, Any]]], on_fix: Any) -> rx.Component:
    """All fields of a node. ``on_fix(field)`` applies the fix that the field's problem offers."""

    def one(view: ObjectVar[Any]) -> rx.Component:
        return _field(view, on_fix)

    return rx.el.div(rx.foreach(fields, one), class_name="nf-form")

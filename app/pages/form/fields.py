"""The fields of a published form, one function per kind of input."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.theme import chip, icon, icon_button
from app.components.theme.file_drop import file_drop
from app.pages.form.state import Form


def _help(one: ObjectVar[Any]) -> rx.Component:
    optional = rx.cond(one["required"], "", "optional")
    return rx.el.span(rx.cond(one["help"], one["help"], optional), class_name="hint", font_weight="400")


def _named(one: ObjectVar[Any], control: rx.Component) -> rx.Component:
    name = one["name"].to(str)
    wrong = Form.errors[name].to(str)
    return rx.el.div(
        rx.el.label(one["label"], _help(one), html_for=name),
        control,
        rx.cond(
            wrong,
            rx.el.span(icon("circle-alert"), wrong, class_name="error", role="alert", id=f"{name}-error"),
            rx.fragment(),
        ),
        class_name="field",
        key=name,
    )


def _line(one: ObjectVar[Any], kind: str) -> rx.Component:
    name = one["name"].to(str)
    return _named(
        one,
        rx.el.input(
            id=name,
            name=name,
            type=kind,
            step="any",
            default_value=one["text"],
            class_name="input",
            aria_describedby=f"{name}-error",
        ),
    )


def _long(one: ObjectVar[Any]) -> rx.Component:
    name = one["name"].to(str)
    return _named(one, rx.el.textarea(id=name, name=name, default_value=one["text"], class_name="input", rows="4"))


def _switch(one: ObjectVar[Any]) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=one["name"], default_checked=one["on"].to(bool)),
        rx.el.span(one["label"], " ", rx.el.span(one["help"], class_name="hint")),
        class_name="check field",
        key=one["name"],
    )


def _choice(one: ObjectVar[Any]) -> rx.Component:
    name = one["name"].to(str)
    options = rx.foreach(one["options"].to(list[str]), lambda option: rx.el.option(option, value=option))
    return _named(
        one,
        rx.el.select(
            rx.el.option("Choose …", value=""),
            options,
            id=name,
            name=name,
            default_value=one["text"],
            class_name="input",
        ),
    )


def _file(one: ObjectVar[Any]) -> rx.Component:
    name = one["name"].to(str)
    file = one["file"].to(dict[str, Any])
    return _named(
        one,
        file_drop(
            action=f"/api/v1/forms/{Form.token}/files",
            input_id=name,
            file_name=file["name"],
            said=file["said"],
            described_by=f"{name}-error",
            on_file=lambda reference: Form.take_file(name, reference),
        ),
    )


def _cell(cell: ObjectVar[Any], name: rx.Var[str], row_id: rx.Var[str]) -> rx.Component:
    at = f"{name}.{row_id}.{cell['name']}"
    text = rx.el.textarea(name=at, default_value=cell["value"], class_name="input", rows="4", aria_label=cell["label"])
    long = rx.el.textarea(name=at, default_value=cell["value"], class_name="input", rows="2", aria_label=cell["label"])
    lines = cell["value"].to(str).split("\n").length()
    examples = rx.el.details(
        rx.el.summary(
            cell["label"],
            rx.cond(cell["value"], rx.el.span(f" ({lines}), one per line", class_name="hint"), ", one per line"),
        ),
        text,
        class_name="cell wide",
    )
    kind = rx.cond(cell["kind"] == "number", "number", "text")
    short = rx.el.input(
        name=at,
        type=kind,
        step="any",
        default_value=cell["value"],
        class_name="input",
        placeholder=cell["label"],
        aria_label=cell["label"],
    )
    return rx.match(
        cell["kind"],
        ("list", examples),
        ("long_text", rx.el.div(long, class_name="cell wide")),
        rx.el.div(short, class_name="cell"),
    )


def _row(row: ObjectVar[Any], name: rx.Var[str]) -> rx.Component:
    cells = rx.foreach(row["cells"].to(list[dict[str, Any]]), lambda cell: _cell(cell, name, row["id"].to(str)))
    remove = icon_button("x", f"Remove {row['title']}", on_click=Form.remove_row(name, row["id"].to(str)))
    return rx.el.li(rx.el.div(cells, class_name="cells"), remove, key=row["id"].to(str))


def _rows(one: ObjectVar[Any]) -> rx.Component:
    name = one["name"].to(str)
    rows = one["rows"].to(list[dict[str, Any]])
    wrong = Form.errors[name].to(str)
    chips = rx.foreach(rows, lambda row: rx.cond(row["title"], chip(row["title"].to(str)), rx.fragment()))
    add = rx.el.button(icon("plus"), "Add", type="button", class_name="btn small", on_click=Form.add_row(name))
    return rx.el.div(
        rx.el.span(one["label"], _help(one), class_name="label"),
        rx.el.details(
            rx.el.summary(
                rx.el.span(chips, class_name="row wrap grow"),
                rx.el.span(icon("pen", "s14"), "Edit", class_name="edit"),
                class_name="input",
            ),
            rx.el.ul(rx.foreach(rows, lambda row: _row(row, name)), class_name="form-rows"),
            add,
            class_name="rows-editor",
        ),
        rx.cond(wrong, rx.el.span(icon("circle-alert"), wrong, class_name="error", role="alert"), rx.fragment()),
        class_name="field",
        key=name,
    )


def form_field(one: ObjectVar[Any]) -> rx.Component:
    """One field by its kind: text, long_text, number, boolean, date, file, rows or choice."""
    return rx.match(
        one["kind"],
        ("long_text", _long(one)),
        ("number", _line(one, "number")),
        ("date", _line(one, "date")),
        ("boolean", _switch(one)),
        ("choice", _choice(one)),
        ("file", _file(one)),
        ("rows", _rows(one)),
        _line(one, "text"),
    )

"""The part of the System page that says how much room runs take, and how long they are kept."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.theme import button, card, chip, empty_state, field, icon_button, modal, moment, text_input
from app.pages.system.storage_state import DEFAULT, Keeping

HEADS = (
    ("Workflow", ""),
    ("Runs", "end wide-only"),
    ("Records", "end roomy-only"),
    ("Values", "end roomy-only"),
    ("Oldest", "roomy-only"),
    ("Kept", "wide-only"),
    ("Removed next", "wide-only"),
)


def storage() -> rx.Component:
    """A row for each workflow, and the dialog in which bounds are set."""
    none = empty_state("database", "Nothing is stored", "What runs leave behind appears here once one has ended.")
    table = rx.el.table(
        rx.el.thead(
            rx.el.tr(
                *[rx.el.th(word, scope="col", class_name=style) for word, style in HEADS],
                rx.el.th(rx.el.span("Actions", class_name="sr-only"), scope="col"),
            )
        ),
        rx.el.tbody(rx.foreach(Keeping.sizes, _row)),
        class_name="table",
        aria_label="Storage",
    )
    return rx.el.section(
        rx.el.h2("Storage", id="storage", class_name="section-title"),
        rx.el.p(
            "What the runs of each workflow take. Where a workflow says nothing itself, this is kept: ",
            Keeping.default,
            ".",
            class_name="hint",
        ),
        rx.el.div(button("Change the default", on_click=Keeping.edit(DEFAULT, "all workflows", False))),
        card(rx.cond(Keeping.sizes, table, none), class_name="clip"),
        rx.el.p(rx.el.b(Keeping.uploads), " ", Keeping.uploads_kept, class_name="hint"),
        _dialog(),
        aria_labelledby="storage",
        class_name="stack tight",
    )


def _row(item: ObjectVar[Any]) -> rx.Component:
    kept = rx.fragment(item["kept"], rx.cond(item["own"], rx.fragment(" ", chip("Own")), rx.fragment()))
    return rx.el.tr(
        rx.el.td(
            rx.el.a(item["workflow"], href=item["href"], class_name="strong row-link"),
            rx.el.div(item["said"], class_name="hint narrow-line"),
            rx.el.div("Kept: ", kept, class_name="hint narrow-line"),
            class_name="name",
        ),
        rx.el.td(item["runs"], class_name="num end wide-only"),
        rx.el.td(item["rows"], class_name="num end roomy-only"),
        rx.el.td(item["payloads"], class_name="num end roomy-only"),
        rx.el.td(rx.cond(item["oldest"], moment(item["oldest"].to(int)), "none"), class_name="muted roomy-only"),
        rx.el.td(kept, class_name="wide-only"),
        rx.el.td(item["goes"], class_name="muted wide-only"),
        rx.el.td(
            icon_button(
                "pen",
                f"Change how long runs of {item['workflow']} are kept",
                on_click=Keeping.edit(item["id"].to(str), item["workflow"].to(str), item["own"].to(bool)),
            ),
            class_name="end",
        ),
        key=item["id"],
    )


def _dialog() -> rx.Component:
    form = rx.el.form(
        _number("days", "Days", "Since a run's end"),
        _number("runs", "Runs", "So many of the newest stay"),
        _number("bytes", "Megabytes", "The newest runs that take so much together stay; one always does"),
        id="retention",
        key=Keeping.editing,
        on_submit=Keeping.save,
        class_name="stack",
    )
    close = Keeping.edit("", "", False)
    return modal(
        f"How long runs of {Keeping.name} are kept",
        rx.el.p(
            "An ended run is removed for good as soon as it is past one of these. An empty field is no limit.",
            class_name="muted",
        ),
        form,
        open=Keeping.editing != "",
        on_close=close,
        foot=[
            rx.cond(Keeping.own, button("Use the default", on_click=Keeping.use_default), rx.fragment()),
            button("Cancel", on_click=close),
            button("Save", kind="primary", type="submit", form="retention"),
        ],
    )


def _number(name: str, label: str, help: str) -> rx.Component:
    error = Keeping.errors[name].to(str)
    control = text_input(
        f"retention-{name}",
        error=error,
        name=name,
        type="number",
        min=0,
        step="any",
        default_value=Keeping.values[name],
        placeholder="No limit",
    )
    return field(label, control, id=f"retention-{name}", help=help, error=error)

"""The page ``/workflows/<id>/values``."""

from typing import Any

import reflex as rx
from reflex.vars import ArrayVar, ObjectVar

from app.components.layout import page_header, shell
from app.components.theme import (
    button,
    card,
    confirm,
    empty_state,
    field,
    icon_button,
    link_button,
    loading,
    modal,
    moment,
    notice,
    segmented_links,
    select,
)
from app.pages.values.state import ValueForm, Values


def _row(item: ObjectVar[Any], scope: str) -> rx.Component:
    name = item["name"].to(str)
    change = icon_button("pen", f"Change {name}", on_click=ValueForm.begin(name, scope))
    by = rx.cond(item["run"], rx.el.a("a run", href=item["run"], class_name="link"), "a person")
    value = rx.el.span(item["value"], class_name=rx.cond(item["keys"], "hint", "mono clamp-2"))
    changed = rx.fragment(moment(item["updated_at"].to(int)), " by ", by)
    return rx.el.tr(
        rx.el.td(
            rx.el.b(name, class_name="strong"),
            rx.el.div(value, rx.el.div("Changed ", changed, class_name="hint"), class_name="narrow-line"),
            class_name="name",
        ),
        rx.el.td(value, class_name="wide-only any"),
        rx.el.td(changed, class_name="muted wide-only"),
        rx.el.td(
            rx.cond(item["keys"], rx.fragment(), change),
            icon_button("trash-2", f"Forget {name}", on_click=Values.ask(name, scope)),
            class_name="end",
        ),
        key=name,
    )


def _table(rows: ArrayVar[Any], scope: str, label: str) -> rx.Component:
    heads = ("Name", ""), ("Value", "wide-only"), ("Changed", "wide-only")
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                *[rx.el.th(word, scope="col", class_name=style) for word, style in heads],
                rx.el.th(rx.el.span("Actions", class_name="sr-only"), scope="col"),
            )
        ),
        rx.el.tbody(rx.foreach(rows, lambda item: _row(item, scope))),
        class_name="table",
        aria_label=label,
    )


def _form() -> rx.Component:
    name = field(
        "Name",
        rx.el.input(
            id="value_name",
            name="value_name",
            required=True,
            max_length=120,
            class_name="input",
            placeholder="invoice_number",
            auto_complete="off",
        ),
        id="value_name",
        help="As the nodes Counter, Remember and Recall name it.",
    )
    whose = field(
        "Whose",
        select(
            "value_scope",
            [
                ("workflow", "This workflow's own"),
                ("workspace", "Shared by the workspace"),
            ],
            name="value_scope",
            default_value="workflow",
        ),
        id="value_scope",
    )
    form = rx.el.form(
        rx.cond(ValueForm.error, notice(ValueForm.error, tone="bad"), rx.fragment()),
        rx.cond(ValueForm.new, rx.fragment(name, whose), rx.fragment()),
        field(
            "Value",
            rx.el.textarea(
                id="value_text",
                name="value_text",
                default_value=ValueForm.text,
                rows="8",
                class_name="input code",
                spell_check=False,
            ),
            id="value_text",
            help="Numbers, true and false, lists and records as JSON. Anything else is a text.",
        ),
        id="stored-value",
        on_submit=ValueForm.save,
    )
    return modal(
        rx.cond(ValueForm.new, "Store a value", f"Change “{ValueForm.name}”"),
        form,
        open=ValueForm.open,
        on_close=ValueForm.close,
        foot=[
            button("Cancel", on_click=ValueForm.close),
            rx.el.button("Store", type="submit", form="stored-value", class_name="btn primary"),
        ],
    )


def _lists() -> rx.Component:
    nothing = empty_state(
        "save",
        "Nothing stored yet",
        "Counter, Remember and Only new items keep values here from run to run. A person can store one, too, such as "
        "the number at which a counter begins.",
        button("Store a value", kind="primary", icon_name="plus", on_click=ValueForm.begin("", "workflow")),
    )
    shared = rx.cond(
        Values.shared,
        rx.fragment(
            rx.el.h2("Shared by the workspace"),
            card(_table(Values.shared, "workspace", "Values that the workspace shares"), class_name="clip"),
        ),
        rx.fragment(),
    )
    own = card(
        rx.cond(Values.own, _table(Values.own, "workflow", "Values of this workflow"), nothing), class_name="clip"
    )
    return rx.fragment(own, shared)


@rx.page(route="/workflows/[kept_by]/values", title="Stored values · Weft", on_load=Values.load)
def values() -> rx.Component:
    """What a workflow remembers from run to run; a person can look, change and forget."""
    missing = empty_state(
        "workflow", "There is no such workflow", "It was deleted, or it belongs to another workspace.",
        link_button("All workflows", "/workflows"),
    )  # fmt: skip
    which = segmented_links(
        [("published", "Published", Values.here), ("trial", "Trial runs", f"{Values.here}?runs=trial")],
        rx.cond(Values.trial, "trial", "published"),
        "Whose runs",
    )
    add = button("Store a value", kind="primary", icon_name="plus", on_click=ValueForm.begin("", "workflow"))
    return shell(
        page_header("Stored values", which, add, under=rx.el.span("of ", rx.el.a(Values.name, href=Values.href))),
        loading(Values.ready, rx.cond(Values.missing, missing, _lists())),
        _form(),
        confirm(
            "Forget this value?",
            f"“{Values.asked['name']}” is gone for all later runs: a counter begins anew, items seen count as new.",
            open=Values.asked["name"] != "",
            on_close=Values.ask("", "workflow"),
            on_confirm=Values.forget,
            action="Forget",
        ),
        active="workflows",
    )

"""The page ``/workflows``."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.charts import sparkline
from app.components.charts.bars import Tick
from app.components.layout import page_header, shell
from app.components.runs import last_run
from app.components.theme import (
    button,
    card,
    chip,
    confirm,
    empty_state,
    icon,
    link_button,
    loading,
    menu,
    modal,
    moment,
    notice,
    search_box,
    segmented_links,
)
from app.components.theme.file_text import file_text
from app.pages.workflows.budget import budget_dialog
from app.pages.workflows.budget_state import RunBudget
from app.pages.workflows.state import Import, Workflows

EXAMPLE = """weft: 1
name: Size it
nodes: …"""


def _name(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.td(
        rx.el.a(item["name"], href=item["href"], class_name="strong row-link"),
        rx.el.div(
            rx.cond(item["on"], chip("On", tone="ok", icon_name="power"), chip("Off", icon_name="power-off")),
            rx.el.span(item["state"], class_name="hint"),
            class_name="row wrap",
        ),
        class_name="name",
    )


def _trigger(item: ObjectVar[Any]) -> rx.Component:
    late = chip("Overdue", tone="bad", icon_name="triangle-alert")
    return rx.el.td(
        item["trigger"], " ", rx.cond(item["late"], late, rx.fragment()), class_name="muted wide-only trigger"
    )


def _actions(item: ObjectVar[Any]) -> rx.Component:
    more = menu(
        f"More about {item['name']}",
        rx.el.a(icon("pen"), "Open in the editor", href=item["href"]),
        rx.el.a(icon("play"), "Its runs", href=f"/runs?workflow={item['id']}"),
        rx.el.a(icon("save"), "Stored values", href=f"/workflows/{item['id']}/values"),
        rx.el.button(icon("gauge"), "Budget", type="button", on_click=RunBudget.show(item["id"], item["name"])),
        rx.el.button(icon("copy"), "Duplicate", type="button", on_click=Workflows.duplicate(item["id"])),
        rx.el.button(
            icon("trash-2"),
            "Delete",
            type="button",
            class_name="danger",
            on_click=Workflows.ask(item["id"], item["name"]),
        ),
    )
    back = button("Bring back", kind="small", icon_name="undo-2", on_click=Workflows.restore(item["id"]))
    return rx.el.td(rx.cond(Workflows.trash, back, more), class_name="end")


def _row(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.tr(
        _name(item),
        _trigger(item),
        rx.el.td(last_run(item)),
        rx.el.td(sparkline(item["ticks"].to(list[Tick]), item["health"].to(str)), class_name="wide-only"),
        rx.el.td(moment(item["updated_at"].to(int)), class_name="muted roomy-only"),
        rx.el.td(item["owner"], class_name="muted roomy-only"),
        _actions(item),
        key=item["id"],
    )


def _table() -> rx.Component:
    heads = (
        ("Workflow", ""),
        ("Trigger", "wide-only"),
        ("Last run", ""),
        ("Health", "wide-only"),
        ("Changed", "roomy-only"),
        ("Owner", "roomy-only"),
    )
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                *[rx.el.th(word, scope="col", class_name=style) for word, style in heads],
                rx.el.th(rx.el.span("Actions", class_name="sr-only"), scope="col"),
            )
        ),
        rx.el.tbody(rx.foreach(Workflows.rows, _row)),
        class_name="table",
        aria_label="Workflows",
    )


def _nothing() -> rx.Component:
    found_none = empty_state(
        "search", "No workflow has this in its name", "Search looks at the names. Try fewer letters."
    )
    no_trash = empty_state("trash-2", "The trash is empty", "What you delete stays here for 30 days.")
    none = empty_state(
        "workflow",
        "No workflows yet",
        "A workflow is a drawing that runs: what starts it, what happens to every item, and what comes out.",
        link_button("Start from a template", "/templates", kind="primary", icon_name="layout-template"),
        button("Empty workflow", on_click=Workflows.create, icon_name="plus"),
    )
    return rx.cond(Workflows.search, found_none, rx.cond(Workflows.trash, no_trash, none))


def _import_dialog() -> rx.Component:
    return modal(
        "Import a workflow",
        rx.el.p("Paste a Weft document in YAML or JSON, or choose its file.", class_name="muted"),
        rx.cond(
            Import.error,
            notice(Import.error, rx.el.ul(rx.foreach(Import.problems, rx.el.li)), tone="bad"),
            rx.fragment(),
        ),
        rx.el.label("Document", html_for="document", class_name="sr-only"),
        rx.el.textarea(
            id="document",
            class_name="input code",
            rows="12",
            placeholder=EXAMPLE,
            value=Import.text,
            on_change=Import.write,
            spell_check=False,
        ),
        file_text("Choose a file", ".json,.yaml,.yml", Import.read_file),
        open=Import.open,
        on_close=Import.show(False),
        foot=[
            button("Cancel", on_click=Import.show(False)),
            button("Import", kind="primary", on_click=Import.make),
        ],
        wide=True,
    )


@rx.page(route="/workflows", title="Workflows · Weft", on_load=[Workflows.load, Import.load])
def workflows() -> rx.Component:
    """Every workflow of the workspace."""
    return shell(
        page_header(
            "Workflows",
            search_box(
                "Search workflows",
                on_change=Workflows.find.debounce(250),
                max_length=200,
                default_value=Workflows.sought,
                key=Workflows.sought,
            ),
            button("Import", on_click=Import.show(True), icon_name="import"),
            button("New workflow", kind="primary", icon_name="plus", on_click=Workflows.create),
        ),
        segmented_links(
            (("live", "All", "/workflows"), ("trash", "Trash", "/workflows?trash=1")),
            rx.cond(Workflows.trash, "trash", "live"),
            "Which workflows",
        ),
        loading(Workflows.ready, card(rx.cond(Workflows.rows, _table(), _nothing()), class_name="menus")),
        confirm(
            "Delete this workflow?",
            f"“{Workflows.asked['name']}” is turned off and goes to the trash, where it can come back for 30 days. "
            "Its runs stay.",
            open=Workflows.asked["id"] != "",
            on_close=Workflows.ask("", ""),
            on_confirm=Workflows.delete,
            action="Delete",
        ),
        _import_dialog(),
        budget_dialog(),
        active="workflows",
    )

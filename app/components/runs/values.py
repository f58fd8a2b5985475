"""Values of a step: a page of a list as a table, a record or a text as it is."""

from typing import Any, TypedDict

import reflex as rx
from reflex.vars import ObjectVar

from app.components.theme.controls import icon_button
from app.components.theme.icons import icon
from app.components.theme.surfaces import code_block


class Column(TypedDict):
    """A column of a table of values; numbers stand at the right."""

    name: str
    numeric: bool


class Cell(TypedDict):
    """A cell as shown; ``tone`` marks it (wait for what should be checked)."""

    text: str
    tone: str
    numeric: bool


class Row(TypedDict):
    """A row of a table: its number from 1, its cells, and a mark such as "Check this"."""

    number: str
    cells: list[Cell]
    mark: str


class ValueView(TypedDict):
    """A value to show: ``kind`` is empty, table, text or file; texts of numbers are formatted already."""

    kind: str
    text: str
    columns: list[Column]
    rows: list[Row]
    start: int
    shown: str
    has_before: bool
    has_after: bool
    file_name: str
    file_size: str
    file_href: str


EMPTY: ValueView = {
    "kind": "empty",
    "text": "",
    "columns": [],
    "rows": [],
    "start": 0,
    "shown": "",
    "has_before": False,
    "has_after": False,
    "file_name": "",
    "file_size": "",
    "file_href": "",
}


def _cell(cell: ObjectVar[Any]) -> rx.Component:
    text = rx.cond(cell["tone"], rx.el.span(cell["text"], class_name=f"chip {cell['tone']}"), rx.el.span(cell["text"]))
    return rx.el.td(text, class_name=rx.cond(cell["numeric"], "end mono num", "value"), title=cell["text"])


def _row(row: ObjectVar[Any]) -> rx.Component:
    number = rx.el.th(row["number"], scope="row", class_name="mono num")
    return rx.el.tr(number, rx.foreach(row["cells"], _cell), class_name=rx.cond(row["mark"], "marked", ""))


def _column(column: ObjectVar[Any]) -> rx.Component:
    return rx.el.th(column["name"], scope="col", class_name=rx.cond(column["numeric"], "end", ""))


def value_table(view: ObjectVar[Any], label: str | rx.Var[str]) -> rx.Component:
    """One page of a list of records."""
    head = rx.el.tr(
        rx.el.th(rx.el.span("Number", class_name="sr-only"), scope="col"), rx.foreach(view["columns"], _column)
    )
    return rx.el.div(
        rx.el.table(
            rx.el.thead(head),
            rx.el.tbody(rx.foreach(view["rows"], _row)),
            class_name="table values",
            aria_label=label,
        ),
        class_name="table-wrap",
        tab_index=0,
        role="region",
        aria_label=label,
    )


def pager(view: ObjectVar[Any], on_page: Any, *, size: int = 50) -> rx.Component:
    """Backward and forward through a list; ``on_page`` receives the first index of the page."""
    start = view["start"].to(int)
    return rx.el.div(
        rx.el.span(view["shown"], class_name="hint num", role="status"),
        rx.el.span(class_name="grow"),
        icon_button(
            "chevron-left", "Page before", on_click=on_page(start - size), disabled=~view["has_before"].to(bool)
        ),
        icon_button("chevron-right", "Next page", on_click=on_page(start + size), disabled=~view["has_after"].to(bool)),
        class_name="row pager",
    )


def file_link(view: ObjectVar[Any]) -> rx.Component:
    """A file that can be downloaded."""
    return rx.el.a(
        rx.el.span(icon("file-down"), class_name="tile plain"),
        rx.el.span(
            rx.el.b(view["file_name"], class_name="truncate"),
            rx.el.span(view["file_size"], class_name="hint"),
            class_name="stack tight grow",
        ),
        href=view["file_href"],
        download=view["file_name"],
        reload_document=True,  # REST answers here, not a page
        class_name="item card",
    )


def value_view(view: ObjectVar[Any], label: str | rx.Var[str], on_page: Any) -> rx.Component:
    """Whatever the value is, in the form that reads best."""
    return rx.match(
        view["kind"],
        ("table", rx.el.div(value_table(view, label), pager(view, on_page))),
        ("text", code_block(view["text"], aria_label=label)),
        ("file", file_link(view)),
        rx.el.p("Nothing here.", class_name="hint"),
    )

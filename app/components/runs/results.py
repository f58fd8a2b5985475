"""What a run hands back: one panel per Output node, in the form that node asked for."""

from typing import Any, TypedDict

import reflex as rx
from reflex.vars import ObjectVar

from app.components.charts import Bar, bar_chart
from app.components.runs.values import ValueView, file_link, pager, value_table
from app.components.theme.icons import icon
from app.components.theme.surfaces import code_block


class Result(TypedDict):
    """One result; ``kind`` is table, bar_chart, text, number, file or json.

    ``doubtful`` counts the rows of a table that a person should check; ``only_doubtful`` says that just these show.
    """

    node_id: str
    label: str
    kind: str
    text: str
    bars: list[Bar]
    view: ValueView
    doubtful: int
    doubtful_text: str
    only_doubtful: bool


def _filter(result: ObjectVar[Any], on_filter: Any) -> rx.Component:
    """All rows, or just those to check."""
    node = result["node_id"]
    narrow = result["only_doubtful"].to(bool)
    return rx.el.div(
        rx.el.button(
            "All",
            type="button",
            on_click=on_filter(node, False),
            class_name=rx.cond(narrow, "", "on"),
            aria_pressed=~narrow,
        ),
        rx.el.button(
            icon("triangle-alert", "s14"),
            result["doubtful_text"],
            type="button",
            on_click=on_filter(node, True),
            class_name=rx.cond(narrow, "on", ""),
            aria_pressed=narrow,
        ),
        class_name="segmented",
        role="group",
        aria_label="Which rows",
    )


def _table(result: ObjectVar[Any], on_page: Any, on_filter: Any) -> rx.Component:
    view = result["view"].to(ValueView)
    doubtful = result["doubtful"].to(int) > 0
    return rx.el.section(
        rx.el.div(
            rx.el.h3(result["label"], class_name="grow truncate"),
            rx.cond(doubtful, _filter(result, on_filter), rx.fragment()),
            class_name="head",
        ),
        value_table(view, result["label"]),
        pager(view, lambda start: on_page(result["node_id"], start)),
        class_name="card clip result",
    )


def _chart(result: ObjectVar[Any]) -> rx.Component:
    return rx.el.section(
        rx.el.h3(result["label"]),
        bar_chart(result["bars"].to(list[Bar]), result["label"]),
        class_name="card pad result",
    )


def _text(result: ObjectVar[Any]) -> rx.Component:
    return rx.el.section(
        rx.el.h3(result["label"]), code_block(result["text"]), class_name="card pad result stack tight"
    )


def _number(result: ObjectVar[Any]) -> rx.Component:
    return rx.el.section(
        rx.el.span(result["label"], class_name="hint"),
        rx.el.b(result["text"], class_name="figure num"),
        class_name="card pad result",
    )


def _file(result: ObjectVar[Any]) -> rx.Component:
    return rx.el.section(rx.el.h3(result["label"], class_name="sr-only"), file_link(result["view"].to(ValueView)))


def result_panel(result: ObjectVar[Any], on_page: Any, on_filter: Any) -> rx.Component:
    """One result. ``on_page(node, start)`` turns the pages of a table, ``on_filter(node, only)`` narrows it."""
    return rx.match(
        result["kind"],
        ("table", _table(result, on_page, on_filter)),
        ("bar_chart", _chart(result)),
        ("number", _number(result)),
        ("file", _file(result)),
        _text(result),
    )

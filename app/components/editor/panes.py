"""What went into a node and what came out of it, beside its settings."""

from typing import Any

import reflex as rx
from reflex.vars import BooleanVar, ObjectVar, StringVar

from app.components.forms import drag_value
from app.components.runs.values import ValueView, value_view
from app.components.theme import notice, tile

Record = ObjectVar[Any]


def _source_chip(one: ObjectVar[Any], source: StringVar[str], on_look: Any) -> rx.Component:
    key = one["id"].to(str) + " " + one["port"].to(str)
    return rx.el.button(
        tile(one["icon"].to(str), one["kind"].to(str), "small"),
        rx.el.span(one["label"], class_name="truncate"),
        rx.el.span(one["detail"], class_name="hint"),
        type="button",
        class_name=rx.cond(source == key, "ed-source on", "ed-source"),
        aria_pressed=source == key,
        on_click=on_look("in", key, 0),
    )


def _source_fields(one: ObjectVar[Any], source: StringVar[str]) -> rx.Component:
    key = one["id"].to(str) + " " + one["port"].to(str)
    inside = rx.el.div(
        drag_value(reference=one["reference"], label="All of it", detail=one["detail"]),
        rx.foreach(
            one["fields"].to(list[dict[str, str]]),
            lambda field: drag_value(reference=field["reference"], label=field["label"], detail=field["detail"]),
        ),
        class_name="ed-drags",
    )
    return rx.cond(source == key, inside, rx.fragment())


def in_pane(sources: Any, source: StringVar[str], view: Any, handlers: dict[str, Any]) -> rx.Component:
    """What comes before the node, to look at and to drag into a setting."""
    empty = rx.el.p("Nothing comes before this node yet. Draw a wire into it.", class_name="hint ed-none")
    body = rx.el.div(
        rx.el.div(
            rx.foreach(sources, lambda one: _source_chip(one, source, handlers["look"])), class_name="ed-sources"
        ),
        rx.el.p("Drag a value into a setting, or type {{ there.", class_name="hint"),
        rx.foreach(sources, lambda one: _source_fields(one, source)),
        value_view(view.to(ValueView), "Input", lambda start: handlers["look"]("in", source, start)),
        class_name="stack tight",
    )
    return rx.cond(sources.length() > 0, body, empty)


def _failure(failure: Record) -> rx.Component:
    told = notice(
        failure["message"].to(str),
        rx.el.span(failure["where"], class_name="hint"),
        rx.cond(failure["hint"], rx.el.p(failure["hint"]), rx.fragment()),
        rx.cond(failure["request"], rx.el.pre(failure["request"], class_name="code", tab_index=0), rx.fragment()),
        rx.cond(failure["response"], rx.el.pre(failure["response"], class_name="code", tab_index=0), rx.fragment()),
        tone="bad",
    )
    return rx.cond(failure["message"].to(str) != "", told, rx.fragment())


def out_pane(
    outs: Any,
    out: StringVar[str],
    view: Any,
    *,
    failure: Record,
    log: Any,
    has_run: BooleanVar,
    bar: rx.Component,
    handlers: dict[str, Any],
) -> rx.Component:
    """What left the node, what went wrong, and its log. ``bar`` stands above."""

    def port(one: ObjectVar[Any]) -> rx.Component:
        return rx.el.button(
            one["title"],
            rx.cond(one["count"], rx.el.span(one["count"], class_name="hint num"), rx.fragment()),
            type="button",
            class_name=rx.cond(out == one["port"], "on", ""),
            aria_pressed=out == one["port"],
            on_click=handlers["look"]("out", one["port"], 0),
        )

    ports = rx.cond(
        outs.length() > 1, rx.el.div(rx.foreach(outs, port), class_name="segmented ed-ports"), rx.fragment()
    )
    lines = rx.cond(
        log.length() > 0,
        rx.el.pre(rx.foreach(log, lambda line: rx.el.span(line["text"], "\n")), class_name="code", tab_index=0),
        rx.fragment(),
    )
    shown = rx.el.div(
        bar,
        _failure(failure),
        ports,
        value_view(view.to(ValueView), "Output", lambda start: handlers["look"]("out", out, start)),
        lines,
        class_name="stack tight",
    )
    said = rx.el.p("Run the workflow to see what leaves this node.", class_name="hint ed-none")
    never = rx.el.div(bar, said, class_name="stack tight")
    return rx.cond(has_run, shown, never)

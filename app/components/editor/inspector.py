"""The inspector: a node's input, settings, output and help."""

from typing import Any

import reflex as rx
from reflex.vars import BooleanVar, NumberVar, ObjectVar, StringVar

from app.components.editor.panes import in_pane, out_pane
from app.components.forms import completions, name_field, node_form, option_field, retry_field
from app.components.theme import icon, icon_button, notice, tile

Record = ObjectVar[Any]
TABS = (("in", "In"), ("settings", "Settings"), ("out", "Out"), ("help", "Help"))

ON_ERROR = [
    {"value": "stop", "label": "Stop the run", "raw": "stop"},
    {"value": "output", "label": "Send failed items on, and go on with the others", "raw": "output"},
]
EACH = [
    {"value": "", "label": "Ask when publishing; the first 5 from here", "raw": None},
    {"value": "item", "label": "Each item", "raw": "item"},
    {"value": "combined", "label": "Once, with all items", "raw": "combined"},
    {"value": "first", "label": "The first 5 items only", "raw": "first"},
]


def _head(head: Record, on_close: Any) -> rx.Component:
    said = rx.el.span(
        head["title"], rx.cond(head["effect"], rx.el.span(" · ", head["effect"]), rx.fragment()), class_name="hint"
    )
    return rx.el.div(
        tile(head["icon"].to(str), head["kind"].to(str)),
        rx.el.div(name_field(node=head["id"], value=head["label"], input_id="node-name"), said, class_name="grow"),
        icon_button("x", "Close", on_click=on_close),
        class_name="ed-insp-head",
    )


def _tabs(tab: StringVar[str], on_tab: Any) -> rx.Component:
    def one(key: str, word: str) -> rx.Component:
        return rx.el.button(
            word,
            type="button",
            role="tab",
            id=f"tab-{key}",
            aria_selected=rx.cond(tab == key, "true", "false"),
            aria_controls="inspector-body",
            tab_index=rx.cond(tab == key, 0, -1),
            on_click=on_tab(key),
        )

    return rx.el.div(*[one(*pair) for pair in TABS], class_name="tabs ed-tabs", role="tablist", aria_label="Node")


def _option(label: str, control: rx.Component, input_id: str, hint: str = "") -> rx.Component:
    words = [label, rx.el.span(hint, class_name="hint")] if hint else [label]
    return rx.el.div(rx.el.label(*words, html_for=input_id), control, class_name="field")


def _options(head: Record, options: Record) -> rx.Component:
    def field(key: str, kind: str, **props: object) -> rx.Component:
        return option_field(node=head["id"], option=key, value=options[key], kind=kind, input_id=f"opt-{key}", **props)

    return rx.el.details(
        rx.el.summary(icon("chevron-right"), "When it fails, how often, note"),
        _option("When it fails", field("on_error", "choice", options=ON_ERROR), "opt-on_error"),
        _option(
            "Try again", retry_field(node=head["id"], value=options["retry"], input_id="opt-retry"), "opt-retry",
            "times, and seconds before the second try",
        ),
        _option(
            "Fallback", field("fallback", "value", placeholder="[]"), "opt-fallback",
            "given when the service stays unavailable",
        ),
        _option("Time limit", field("time_limit", "number", placeholder="300"), "opt-time_limit", "seconds a call"),
        _option("At once", field("limit", "number", placeholder="10"), "opt-limit", "calls in flight, per item"),
        _option("Writes, for a list", field("each", "choice", options=EACH), "opt-each"),
        _option("Note", field("note", "text", placeholder="Why it is like this"), "opt-note"),
        class_name="ed-more",
        key=head["id"],
    )  # fmt: skip


def _stepper(item: NumberVar[int], items: NumberVar[int], on_step: Any) -> rx.Component:
    bar = rx.el.div(
        rx.el.span("Preview of item ", item + 1, class_name="hint num"),
        rx.el.span(class_name="grow"),
        icon_button("chevron-left", "Item before", on_click=on_step(-1)),
        icon_button("chevron-right", "Next item", on_click=on_step(1)),
        class_name="row ed-stepper",
    )
    return rx.cond(items > 1, bar, rx.fragment())


def _rounds(levels: Any, on_round: Any) -> rx.Component:
    """Which round of each container around the node its values are of."""

    def level(one: ObjectVar[Any]) -> rx.Component:
        index, total = one["index"].to(int), one["total"].to(int)
        stepper = rx.el.div(
            rx.el.span(one["label"], class_name="truncate"),
            rx.el.span("round ", index + 1, " of ", total, class_name="hint num"),
            rx.el.span(class_name="grow"),
            icon_button(
                "chevron-left",
                "Round before",
                on_click=on_round(one["container"], index - 1),
                disabled=index <= 0,
            ),
            icon_button(
                "chevron-right",
                "Next round",
                on_click=on_round(one["container"], index + 1),
                disabled=index + 1 >= total,
            ),
            class_name="row ed-stepper",
        )
        return rx.cond(total > 1, stepper, rx.fragment())

    shown = rx.el.div(rx.foreach(levels, level), class_name="ed-rounds", role="group", aria_label="Rounds")
    return rx.cond(levels.length() > 0, shown, rx.fragment())


def _settings(
    head: Record, fields: Any, options: Record, *, messages: Any, item: Any, items: Any, handlers: dict[str, Any]
) -> rx.Component:
    said = rx.foreach(messages, lambda text: notice(text, tone="bad"))
    return rx.el.div(
        said,
        _stepper(item, items, handlers["step"]),
        node_form(fields, handlers["fix"]),
        _options(head, options),
        class_name="stack tight",
    )


def inspector(
    *,
    selected: StringVar[str],
    head: Record,
    tab: StringVar[str],
    fields: Any,
    options: Record,
    messages: Any,
    names: Any,
    item: NumberVar[int],
    items: NumberVar[int],
    sources: Any,
    source: StringVar[str],
    in_view: Any,
    outs: Any,
    out: StringVar[str],
    out_view: Any,
    failure: Record,
    log: Any,
    has_run: BooleanVar,
    levels: Any,
    out_bar: rx.Component,
    handlers: dict[str, Any],
) -> rx.Component:
    """``handlers``: tab(key), close, fix(field), step(by), round(container, number), look(side, key, start).

    ``out_bar`` stands over the output.
    """
    body = rx.match(
        tab,
        ("in", in_pane(sources, source, in_view, handlers)),
        (
            "out",
            out_pane(outs, out, out_view, failure=failure, log=log, has_run=has_run, bar=out_bar, handlers=handlers),
        ),
        ("help", rx.el.p(head["help"], class_name="ed-help")),
        _settings(head, fields, options, messages=messages, item=item, items=items, handlers=handlers),
    )
    panel = rx.el.aside(
        _head(head, handlers["close"]),
        _tabs(tab, handlers["tab"]),
        _rounds(levels, handlers["round"]),
        rx.el.div(body, class_name="ed-insp-body", id="inspector-body", role="tabpanel", aria_labelledby="tab-" + tab),
        completions(items=names),
        class_name="ed-inspector",
        id="inspector",
        aria_label="Node",
    )
    return rx.cond(selected != "", panel, rx.fragment())

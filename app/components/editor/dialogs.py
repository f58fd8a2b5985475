"""What opens from the top bar: publish, turn on, history, share, text view."""

from typing import Any

import reflex as rx
from reflex.vars import BooleanVar, NumberVar, ObjectVar, StringVar

from app.components.forms import option_field
from app.components.theme import button, chip, icon, modal, notice
from app.components.theme.time import moment

HOW_OFTEN = [
    {"value": "item", "label": "Once for each item", "raw": "item"},
    {"value": "combined", "label": "Once, with all items", "raw": "combined"},
    {"value": "first", "label": "For the first 5 items only", "raw": "first"},
]


def publish_dialog(
    *,
    open: BooleanVar,
    problems: NumberVar[int],
    found: Any,
    version: NumberVar[int],
    writers: Any,
    kept: StringVar[str],
    handlers: dict[str, Any],
) -> rx.Component:
    """Fix the draft as the next version. It says what is wrong (``found``: node, title, text, tone), asks of each node
    that would write once per item how often it shall, and names the nodes whose outputs are ``kept``: published runs
    call them."""

    def writer(one: ObjectVar[Any]) -> rx.Component:
        field_id = "publish-each-" + one["id"].to(str)
        choice = option_field(
            node=one["id"], option="each", value="item", kind="choice", options=HOW_OFTEN, input_id=field_id
        )
        return rx.el.div(
            rx.el.label(one["title"], rx.el.span("writes, for a list", class_name="hint"), html_for=field_id),
            choice,
            class_name="field",
            key=one["id"],
        )

    def problem(one: ObjectVar[Any]) -> rx.Component:
        look = rx.el.button(
            rx.el.b(one["title"]),
            rx.el.span(one["text"]),
            type="button",
            class_name="ed-problem " + one["tone"].to(str),
            on_click=handlers["look"](one["node"]),
        )
        whole = rx.el.p(one["text"], class_name="ed-problem " + one["tone"].to(str))
        return rx.el.li(rx.cond(one["node"] != "", look, whole))

    listed = rx.el.ul(rx.foreach(found, problem), class_name="ed-problems", aria_label="What is wrong")
    blocked = rx.el.p("This must be put right first:", class_name="ed-blocked")
    return modal(
        "Publish version " + (version + 1).to_string(),
        rx.cond(problems > 0, blocked, rx.fragment()),
        rx.cond(found.length() > 0, listed, rx.fragment()),
        rx.el.p("Triggers, the form and REST calls run what is published. The draft stays yours to change.",
                class_name="muted"),
        rx.cond(
            kept != "",
            notice("Kept outputs stay with the draft", rx.el.p("Published runs call these nodes: ", kept, ".")),
            rx.fragment(),
        ),
        rx.foreach(writers, writer),
        rx.el.div(
            rx.el.label("What is new", rx.el.span("optional", class_name="hint"), html_for="publish-note"),
            rx.el.input(id="publish-note", class_name="input", default_value="", max_length=500,
                        on_blur=handlers["note"], placeholder="Refund rule for orders over $50"),
            class_name="field",
        ),
        open=open,
        on_close=handlers["close"],
        foot=[
            button("Not yet", on_click=handlers["close"]),
            button("Publish", kind="primary", on_click=handlers["publish"], disabled=problems > 0),
        ],
    )  # fmt: skip


def turn_on_dialog(*, open: BooleanVar, starts: Any, handlers: dict[str, Any]) -> rx.Component:
    """Asked after publishing while the workflow is off."""

    def line(start: ObjectVar[Any]) -> rx.Component:
        return rx.el.li(icon(rx.match(start["kind"], ("webhook", "webhook"), ("schedule", "clock"), "play")),
                        rx.el.span(start["text"], class_name="grow"), class_name="row ed-start")  # fmt: skip

    return modal(
        "Turn on now?",
        rx.el.p("It is published, and off. Once it is on, this starts it:", class_name="muted"),
        rx.el.ul(rx.foreach(starts, line), class_name="ed-starts"),
        open=open,
        on_close=handlers["close"],
        foot=[
            button("Leave it off", on_click=handlers["close"]),
            button("Turn on", kind="primary", on_click=handlers["turn_on"]),
        ],
    )


def history_dialog(*, open: BooleanVar, history: Any, handlers: dict[str, Any]) -> rx.Component:
    """The published versions, newest first."""

    def row(one: ObjectVar[Any]) -> rx.Component:
        return rx.el.li(
            rx.el.b("v", one["number"], class_name="num"),
            rx.el.div(
                rx.el.span(rx.cond(one["note"], one["note"], "No note"), class_name="truncate"),
                rx.el.span(one["by"], " · ", moment(one["at"].to(int)), class_name="hint"),
                class_name="grow stack ed-tight",
            ),
            rx.cond(one["current"], chip("Published", tone="ok"), rx.fragment()),
            button("Restore", kind="small", on_click=handlers["restore"](one["number"])),
            class_name="item",
        )

    listed = rx.el.ul(rx.foreach(history, row), class_name="list")
    none = rx.el.p("Nothing is published yet. Every edit is kept all the same: undo goes back to the first.",
                   class_name="hint")  # fmt: skip
    return modal(
        "History",
        rx.el.p("Restoring makes the draft what that version is; it can be undone.", class_name="muted"),
        rx.cond(history.length() > 0, listed, none),
        open=open,
        on_close=handlers["close"],
        foot=[button("Close", on_click=handlers["close"])],
        wide=True,
    )


def share_dialog(
    *, open: BooleanVar, address: StringVar[str], refusal: StringVar[str], handlers: dict[str, Any]
) -> rx.Component:
    """The workflow's form under an address of its own."""
    published = rx.el.div(
        rx.el.div(
            rx.el.input(value=address, read_only=True, class_name="input", aria_label="Address of the form"),
            button("Copy", icon_name="copy", on_click=rx.set_clipboard(address)),
            class_name="row",
        ),
        rx.el.p("Everybody with this address can fill in the form; they see its results and nothing else.",
                class_name="hint"),
        class_name="stack tight",
    )  # fmt: skip
    closed = rx.el.p("The Input nodes become a form with an address of its own. It runs what is published.",
                     class_name="muted")  # fmt: skip
    return modal(
        "Share the form",
        rx.cond(refusal, notice(refusal, tone="bad"), rx.fragment()),
        rx.cond(address, published, closed),
        open=open,
        on_close=handlers["close"],
        foot=[
            rx.cond(
                address,
                rx.fragment(
                    button("Close the form", kind="danger", on_click=handlers["unshare"]),
                    rx.el.a("Open", href=address, target="_blank", class_name="btn primary"),
                ),
                rx.fragment(
                    button("Not now", on_click=handlers["close"]),
                    button("Publish the form", kind="primary", on_click=handlers["share"]),
                ),
            )
        ],
    )


def text_dialog(*, open: BooleanVar, document: StringVar[str], problems: Any, handlers: dict[str, Any]) -> rx.Component:
    """The draft as YAML: equal to the drawing, both ways, comments kept."""

    def line(one: ObjectVar[Any]) -> rx.Component:
        place = rx.cond(one["line"].to(int) > 0, rx.el.b("Line ", one["line"], ": "), rx.fragment())
        return rx.el.li(place, one["message"])

    return modal(
        "Text view",
        rx.el.form(
            rx.cond(
                problems.length() > 0,
                notice("This cannot be read yet", rx.el.ul(rx.foreach(problems, line)), tone="bad"),
                rx.fragment(),
            ),
            rx.el.textarea(
                name="document", id="text-view", default_value=document, key=document, class_name="input code ed-text",
                spell_check=False, aria_label="The workflow as YAML", rows=26,
            ),
            id="text-form",
            on_submit=handlers["save"],
        ),
        open=open,
        on_close=handlers["close"],
        foot=[
            button("Cancel", on_click=handlers["close"]),
            rx.el.button("Apply", type="submit", form="text-form", class_name="btn primary"),
        ],
        wide=True,
    )  # fmt: skip

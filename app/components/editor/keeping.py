"""Keeping an output: the words and buttons in the Out tab, and the dialog in which it is edited as JSON."""

from typing import Any

import reflex as rx
from reflex.vars import BooleanVar, ObjectVar, StringVar

from app.components.canvas import flush_button
from app.components.theme import button, icon, modal, notice


def out_bar(*, kept: Any, selected: StringVar[str], reasons: ObjectVar[Any], handlers: dict[str, Any]) -> rx.Component:
    """What is to be said of a node's output, and what can be done. ``handlers``: keep, edit, alone, up_to, stale."""
    is_kept = kept.contains(selected)
    reason = reasons[selected]
    stale = notice(
        reason.to(str),
        rx.el.p("This is what it gave before."),
        rx.el.div(_small("Run only what is stale", "refresh-cw", handlers["stale"]), class_name="row wrap"),
        tone="wait",
    )
    said = notice(
        "This output is kept",
        rx.el.p("Runs of the draft use it and do not call this node. Published runs do not see it."),
    )
    return rx.el.div(
        rx.cond(is_kept, said, rx.fragment()),
        rx.cond(reason, stale, rx.fragment()),
        rx.el.div(
            button(
                rx.cond(is_kept, "Let go", "Keep this output").to(str),
                kind="small",
                icon_name=rx.cond(is_kept, "pin-off", "pin").to(str),
                on_click=handlers["keep"],
                title="P",
            ),
            button("Edit", kind="small", icon_name="pen", on_click=handlers["edit"]),
            _small("Run this node only", "play", handlers["alone"]),
            _small("Run up to here", "skip-forward", handlers["up_to"]),
            class_name="row wrap ed-out-bar",
        ),
        class_name="stack tight",
    )


def _small(word: str, mark: str, on_go: Any) -> rx.Component:
    return flush_button(icon(mark), word, class_name="btn small", on_go=on_go)


def keep_dialog(
    *, open: BooleanVar, title: StringVar[str], text: StringVar[str], problem: StringVar[str], handlers: dict[str, Any]
) -> rx.Component:
    """The kept output as JSON. ``handlers``: save, close."""
    return modal(
        "Keep an output for " + title,
        rx.el.form(
            rx.cond(problem != "", notice(problem, tone="bad"), rx.fragment()),
            rx.el.p(
                "Runs of the draft use this and do not call the node. At most 256 kB.", class_name="muted ed-keep-said"
            ),
            rx.el.textarea(
                name="output", id="kept-output", default_value=text, key=text, class_name="input code ed-text",
                spell_check=False, aria_label="The output as JSON", rows=18,
            ),
            id="keep-form",
            on_submit=handlers["save"],
        ),
        open=open,
        on_close=handlers["close"],
        foot=[
            button("Cancel", on_click=handlers["close"]),
            rx.el.button("Keep", type="submit", form="keep-form", class_name="btn primary"),
        ],
        wide=True,
    )  # fmt: skip

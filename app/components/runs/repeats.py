"""The question before a run is done again: which steps would write again what they wrote once."""

from typing import Any

import reflex as rx

from app.components.theme import button, modal


def ask_repeats(*, repeats: Any, whole: Any, open: Any, on_close: Any, on_confirm: Any) -> rx.Component:
    """``repeats``: records with a ``message``; ``whole``: all runs again, not only what failed. Confirming means: write
    them again."""
    told = rx.el.ul(
        rx.foreach(repeats.to(list[dict[str, Any]]), lambda one: rx.el.li(one["message"].to(str))),
        class_name="repeats",
    )
    return modal(
        "Write these again?",
        rx.el.p(
            rx.cond(
                whole,
                "All steps run again, with the same input.",
                "What is done again writes again, and so does what hangs on it.",
            ),
            class_name="muted",
        ),
        told,
        open=open,
        on_close=on_close,
        foot=[
            button("Keep as it is", on_click=on_close, auto_focus=True),
            button(
                rx.cond(whole, "Run again, and write again", "Run, and write again").to(str),
                kind="primary",
                on_click=on_confirm,
            ),
        ],
    )

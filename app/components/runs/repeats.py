"""The question before a retry: which steps would write again what they wrote once."""

from typing import Any

import reflex as rx

from app.components.theme import button, modal


def ask_repeats(*, repeats: Any, open: Any, on_close: Any, on_confirm: Any) -> rx.Component:
    """``repeats``: records with a ``message``. Confirming means: write them again."""
    told = rx.el.ul(
        rx.foreach(repeats.to(list[dict[str, Any]]), lambda one: rx.el.li(one["message"].to(str))),
        class_name="repeats",
    )
    return modal(
        "Write these again?",
        rx.el.p("What is done again writes again, and so does what hangs on it.", class_name="muted"),
        told,
        open=open,
        on_close=on_close,
        foot=[
            button("Keep as it is", on_click=on_close, auto_focus=True),
            button("Run, and write again", kind="primary", on_click=on_confirm),
        ],
    )

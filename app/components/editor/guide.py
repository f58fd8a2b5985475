"""The first minutes: one button, then three things to try."""

from typing import Any

import reflex as rx
from reflex.vars import BooleanVar, StringVar

from app.components.editor.run_menu import run_button
from app.components.theme import icon, icon_button

TRIES = (
    ("department", "tags", "Change a department", "Rename one, or add examples, and run again."),
    ("csv", "file-up", "Use your own CSV", "Any file with a column of messages."),
    ("form", "share-2", "Share the form", "Colleagues upload and get the result."),
)


def start_card(
    *, shown: BooleanVar, words: StringVar[str], busy: BooleanVar, hint: StringVar[str], on_run: Any
) -> rx.Component:
    """The one thing to do on the first start."""
    card = rx.el.section(
        rx.el.p(hint, class_name="muted"),
        run_button(words, busy, on_run, class_name="btn primary large"),
        class_name="card ed-first",
        aria_label="Start here",
    )
    return rx.cond(shown, card, rx.fragment())


def prompts(*, shown: BooleanVar, dismissed: StringVar[str], handlers: dict[str, Any]) -> rx.Component:
    """Three things to try next; each can be dismissed. ``handlers``: try_it(key), dismiss(key)."""

    def one(key: str, icon_name: str, title: str, text: str) -> rx.Component:
        row = rx.el.li(
            rx.el.button(
                rx.el.span(icon(icon_name), class_name="tile plain"),
                rx.el.span(rx.el.b(title), rx.el.small(text), class_name="grow fc-title"),
                type="button",
                class_name="ed-prompt",
                on_click=handlers["try_it"](key),
            ),
            icon_button("x", f"Dismiss: {title}", on_click=handlers["dismiss"](key)),
        )
        return rx.cond(dismissed.contains(key), rx.fragment(), row)

    listed = rx.el.section(
        rx.el.h2("Now make it yours", class_name="ed-prompts-title"),
        rx.el.ul(*[one(*each) for each in TRIES]),
        class_name="card ed-prompts",
        aria_label="What to try next",
    )
    return rx.cond(shown, listed, rx.fragment())

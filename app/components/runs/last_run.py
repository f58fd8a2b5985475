"""The newest run of a workflow in a list."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.theme.states import state_chip
from app.components.theme.time import duration, moment


def last_run(item: ObjectVar[Any]) -> rx.Component:
    """Its state, how long it took, if it has ended, and when it began; a link to the run."""
    over = item["last_status"].to(str)
    ended = (over == "done") | (over == "failed") | (over == "cancelled")
    took = rx.fragment(
        rx.cond(ended, rx.el.span(duration(item["last_ms"].to(int)), ", ", class_name="wide-only"), rx.fragment()),
        moment(item["last_at"].to(int)),
    )
    return rx.cond(
        item["last_href"],
        rx.el.a(
            state_chip(item["last_status"].to(str)),
            rx.el.span(took, class_name="hint"),
            href=item["last_href"],
            class_name="row nowrap",
        ),
        rx.el.span("Never ran", class_name="hint"),
    )

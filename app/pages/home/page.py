"""The page ``/``."""

import reflex as rx

from app.components.layout import page_header, shell
from app.components.theme import card, empty_state, link_button, state_chip


@rx.page(route="/", title="Home · Weft")
def home() -> rx.Component:
    """Home as a signed-in person sees it."""
    return shell(
        page_header("Home", link_button("New workflow", "/workflows", icon_name="plus", kind="primary")),
        rx.el.div(
            *[state_chip(s) for s in ("queued", "running", "done", "failed", "skipped", "paused")], class_name="row"
        ),
        card(empty_state("workflow", "No workflows yet", "A workflow is a drawing that runs.")),
        active="home",
    )

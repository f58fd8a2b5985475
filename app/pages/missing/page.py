"""The page for every other address."""

import reflex as rx

from app.components.layout import public_frame
from app.components.theme import error_state, link_button


@rx.page(route="404", title="Not found · Weft")
def missing() -> rx.Component:
    """Says so, and offers the way back."""
    return public_frame(
        rx.el.div(
            error_state(
                "There is no page at this address",
                "It may have been deleted, or the address was cut short when it was copied.",
                link_button("Home", "/", kind="primary", icon_name="house"),
                heading=True,
            ),
            class_name="center-page",
        )
    )

"""The pages ``/welcome`` and ``/start``."""

import reflex as rx

from app.components.layout import public_frame, sign_card
from app.components.theme import icon, rest_form
from app.components.theme.rest_form import RestField
from app.pages.welcome.state import Welcome

FIELDS: list[RestField] = [
    {"name": "name", "label": "Your name", "type": "text", "autocomplete": "name", "autofocus": True},
    {"name": "email", "label": "E-mail", "type": "email", "autocomplete": "username"},
    {
        "name": "password",
        "label": "Password",
        "type": "password",
        "autocomplete": "new-password",
        "help": "At least 10 characters. Nobody can read it once it is stored.",
        "minlength": 10,
    },
]


@rx.page(route="/welcome", title="Welcome · Weft", on_load=Welcome.check)
def welcome() -> rx.Component:
    """Three fields, nothing else."""
    form = rest_form(
        "/api/v1/owner", FIELDS, submit="Create my workspace", busy="Creating your workspace …", next="/start"
    )
    return sign_card("Welcome to Weft", "Draw a workflow, run it, watch every item flow.", form)


@rx.page(route="/start", title="Getting ready · Weft", on_load=Welcome.begin)
def start() -> rx.Component:
    """Shown for the moment in which the first workflow is made."""
    return public_frame(
        rx.el.div(
            icon("loader", "spin s24"), rx.el.p("Opening your first workflow …"), class_name="empty", role="status"
        )
    )

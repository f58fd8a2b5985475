"""The page ``/login``."""

import reflex as rx

from app.components.layout import sign_card
from app.components.theme import rest_form
from app.components.theme.rest_form import RestField
from app.pages.login.state import Login

FIELDS: list[RestField] = [
    {"name": "email", "label": "E-mail", "type": "email", "autocomplete": "username", "autofocus": True},
    {"name": "password", "label": "Password", "type": "password", "autocomplete": "current-password"},
]


@rx.page(route="/login", title="Sign in · Weft", on_load=Login.check)
def login() -> rx.Component:
    """E-mail and password; both are wrong together, so that neither is given away."""
    form = rest_form("/api/v1/session", FIELDS, submit="Sign in", busy="Signing in …", next="/")
    return sign_card("Sign in", "Good to see you again.", form)

"""Forms whose content must not pass through a page's state: passwords, and what sets the session cookie."""

from typing import TypedDict

import reflex as rx

_source = rx.asset("rest_form.jsx", shared=True)


class RestField(TypedDict, total=False):
    """A line of the form; ``type`` and ``autocomplete`` as in HTML, ``help`` below it, ``minlength`` in characters."""

    name: str
    label: str
    type: str
    autocomplete: str
    help: str
    minlength: int
    autofocus: bool
    value: str


class RestForm(rx.Component):
    """Sends its fields as JSON; then opens ``next`` with a full page load, or says ``done``."""

    library = _source.importable_path
    tag = "RestForm"

    action: rx.Var[str]
    method: rx.Var[str]
    fields: rx.Var[list[RestField]]
    submit: rx.Var[str]
    busy: rx.Var[str]
    next: rx.Var[str]
    done: rx.Var[str]


def rest_form(
    action: str,
    fields: list[RestField],
    *,
    submit: str,
    busy: str,
    next: str = "",
    done: str = "",
    method: str = "POST",
) -> rx.Component:
    """A form to a REST address; refusals (RFC 9457) are shown at the fields they name."""
    return RestForm.create(
        action=action, method=method, fields=fields, submit=submit, busy=busy, next=next, done=done, id="rest"
    )

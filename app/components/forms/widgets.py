"""One function per ``x-ui`` hint: a field's view in, its control out."""

from collections.abc import Callable
from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.forms.forms import (
    ChoiceField,
    FileField,
    ListField,
    PairsField,
    RowsField,
    SuggestField,
    SwitchField,
    TemplateField,
)

View = ObjectVar[Any]


def _common(view: View) -> dict[str, Any]:
    return {
        "node": view["node"],
        "path": view["path"],
        "value": view["value"],
        "input_id": view["key"],
        "invalid": view["problem"] != "",
        "described_by": view["key"].to(str) + "-about",
        "placeholder": view["placeholder"],
    }


def _template(view: View, **props: object) -> rx.Component:
    return TemplateField.create(type=view["type"], label=view["reference"], **_common(view), **props)


def text(view: View) -> rx.Component:
    """A line that grows."""
    return _template(view)


def multiline(view: View) -> rx.Component:
    """Several lines."""
    return _template(view, multiline=True, rows=view["rows"])


def prose(view: View) -> rx.Component:
    """Several lines that mean nothing but themselves: no templates inside."""
    return _template(view, multiline=True, literal=True, rows=view["rows"])


def code(view: View) -> rx.Component:
    """Source code: no templates inside."""
    return _template(view, multiline=True, mono=True, literal=True, rows=view["rows"])


def expression(view: View) -> rx.Component:
    """A condition or another typed template."""
    return _template(view, mono=True)


def value(view: View) -> rx.Component:
    """Anything: text, a template, or JSON."""
    return _template(view)


def select(view: View) -> rx.Component:
    """One of the options."""
    return ChoiceField.create(options=view["options"], required=view["required"], **_common(view))


def boolean(view: View) -> rx.Component:
    """A switch."""
    return SwitchField.create(label=view["help"], **_common(view))


def rows(view: View) -> rx.Component:
    """A list of records."""
    return RowsField.create(columns=view["columns"], add_label=view["add"], **_common(view))


def key_value(view: View) -> rx.Component:
    """Named values."""
    return PairsField.create(add_label=view["add"], **_common(view))


def list_of_values(view: View) -> rx.Component:
    """Single values, one below the other."""
    return ListField.create(add_label=view["add"], **_common(view))


def file(view: View) -> rx.Component:
    """A file that is uploaded here."""
    return FileField.create(accept=view["accept"], **_common(view))


def cron(view: View) -> rx.Component:
    """A cron expression, with the usual ones to choose from."""
    return SuggestField.create(suggestions=view["suggestions"], mono=True, **_common(view))


def time_zone(view: View) -> rx.Component:
    """An IANA time zone."""
    return SuggestField.create(suggestions=view["suggestions"], **_common(view))


WIDGETS: dict[str, Callable[[View], rx.Component]] = {
    "multiline": multiline,
    "code": code,
    "expression": expression,
    "value": value,
    "select": select,
    "account": select,
    "workflow": select,
    "boolean": boolean,
    "prose": prose,
    "rows": rows,
    "key_value": key_value,
    "list": list_of_values,
    "file": file,
    "cron": cron,
    "time_zone": time_zone,
}


def control(view: View) -> rx.Component:
    """The control that the view asks for; a line of text where it asks for nothing known."""
    cases: list[Any] = [(name, make(view)) for name, make in WIDGETS.items()]
    return rx.match(view["widget"], *cases, text(view))

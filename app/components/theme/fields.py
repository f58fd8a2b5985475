"""Form fields: label, control, help and error tied together for screen readers by ids."""

from collections.abc import Sequence

import reflex as rx

from app.components.theme.icons import icon

Text = str | rx.Var[str]


def field(
    label: Text,
    control: rx.Component,
    *,
    id: Text,
    hint: Text = "",
    help: Text = "",
    error: rx.Var[str] | str = "",
) -> rx.Component:
    """A labelled control with the given id; its help is ``<id>-help`` and its error ``<id>-error``."""
    return rx.el.div(
        rx.el.label(
            label,
            rx.cond(hint, rx.el.span(hint, class_name="hint", font_weight="400"), rx.fragment()),
            html_for=id,
        ),
        control,
        rx.cond(help, rx.el.span(help, class_name="hint help", id=f"{id}-help"), rx.fragment()),
        rx.cond(
            error,
            rx.el.span(icon("circle-alert"), error, class_name="error", id=f"{id}-error", role="alert"),
            rx.fragment(),
        ),
        class_name="field",
    )


def text_input(id: Text, *, error: rx.Var[str] | str = "", **props: object) -> rx.Component:
    """A line of text; pass ``type`` for email, password, number and so on."""
    props.setdefault("type", "text")
    props.setdefault("name", id)
    return rx.el.input(
        id=id,
        class_name="input",
        aria_invalid=rx.cond(error, "true", "false"),
        aria_describedby=f"{id}-error",
        **props,
    )


def text_area(id: Text, **props: object) -> rx.Component:
    """Several lines of text."""
    props.setdefault("name", id)
    return rx.el.textarea(id=id, class_name="input", **props)


def select(
    id: Text, options: Sequence[tuple[str, str]] | rx.Var[list[dict[str, str]]], **props: object
) -> rx.Component:
    """One of several: options are (value, word), or a Var of records with ``value`` and ``label``."""
    props.setdefault("name", id)
    if isinstance(options, rx.Var):
        inside = rx.foreach(options, lambda option: rx.el.option(option["label"], value=option["value"]))
        return rx.el.select(inside, id=id, class_name="input", **props)
    return rx.el.select(
        *[rx.el.option(word, value=value) for value, word in options], id=id, class_name="input", **props
    )


def checkbox(label: Text, **props: object) -> rx.Component:
    """A box with its words; the words are part of the target."""
    return rx.el.label(rx.el.input(type="checkbox", **props), rx.el.span(label), class_name="check")


def switch(label: Text, **props: object) -> rx.Component:
    """An on/off switch that acts at once; ``label`` is spoken."""
    return rx.el.input(type="checkbox", role="switch", class_name="switch", aria_label=label, **props)


def search_box(placeholder: str, **props: object) -> rx.Component:
    """A search field; its placeholder is its label too. Ctrl+K leads to the first of a page (``layout/toasts.py``)."""
    keys = {"aria-keyshortcuts": "Control+K Meta+K"}
    return rx.el.label(
        icon("search"),
        rx.el.span(placeholder, class_name="sr-only"),
        rx.el.input(type="search", class_name="input", placeholder=placeholder, custom_attrs=keys, **props),
        rx.el.kbd(class_name="find", custom_attrs={"aria-hidden": "true"}),
        class_name="search",
    )

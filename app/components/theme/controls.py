"""Buttons and choices. Every control has a visible word, or a label where it is an icon alone."""

from collections.abc import Sequence

import reflex as rx

from app.components.theme.icons import icon

Text = str | rx.Var[str]


def _inside(label: Text, icon_name: Text) -> list[object]:
    return [*([icon(icon_name)] if isinstance(icon_name, rx.Var) or icon_name else []), label]


def button(label: Text, *, icon_name: Text = "", kind: str = "", **props: object) -> rx.Component:
    """A button that acts; kind is primary, ghost, danger, small, large, block or several of them."""
    props.setdefault("type", "button")
    return rx.el.button(*_inside(label, icon_name), class_name=f"btn {kind}".strip(), **props)


def submit_button(
    label: Text, *, busy: rx.Var[bool] | bool = False, kind: str = "primary", **props: object
) -> rx.Component:
    """The button of a form: shows that work is going on and cannot be pressed twice."""
    return rx.el.button(
        rx.cond(busy, icon("loader", "spin"), rx.fragment()),
        label,
        type="submit",
        disabled=busy,
        class_name=f"btn {kind}".strip(),
        **props,
    )


def icon_button(icon_name: Text, label: Text, *, kind: str = "ghost", **props: object) -> rx.Component:
    """A square button; ``label`` is spoken and shown as a tooltip."""
    props.setdefault("type", "button")
    return rx.el.button(icon(icon_name), class_name=f"btn icon {kind}".strip(), aria_label=label, title=label, **props)


def link_button(label: Text, href: Text, *, icon_name: Text = "", kind: str = "", **props: object) -> rx.Component:
    """A link that looks like a button: goes somewhere, changes nothing."""
    return rx.el.a(*_inside(label, icon_name), href=href, class_name=f"btn {kind}".strip(), **props)


def segmented_radios(
    name: str, options: Sequence[tuple[str, str, str]], value: Text, on_change: object, label: str
) -> rx.Component:
    """One choice of a few as native radios, so that the arrow keys work; options are (value, word, icon)."""
    return rx.el.fieldset(
        rx.el.legend(label, class_name="sr-only"),
        *[
            rx.el.label(
                rx.el.input(
                    type="radio",
                    name=name,
                    value=option,
                    checked=value == option,
                    on_change=on_change(option),  # type: ignore[operator]
                ),
                *([icon(icon_name)] if icon_name else []),
                word,
            )
            for option, word, icon_name in options
        ],
        class_name="segmented",
    )


def segmented_links(
    options: Sequence[tuple[str, Text | rx.Component, Text]], current: Text, label: str
) -> rx.Component:
    """Filters that are addresses: options are (value, word, href)."""
    return rx.el.nav(
        *[
            rx.el.a(
                word,
                href=href,
                class_name=rx.cond(current == value, "on", ""),
                aria_current=rx.cond(current == value, "true", "false"),
            )
            for value, word, href in options
        ],
        class_name="segmented",
        aria_label=label,
    )

"""Modal dialogs and menus on the browser's own elements."""

import reflex as rx

from app.components.theme.controls import button
from app.components.theme.icons import icon

Text = str | rx.Var[str]
_source = rx.asset("modal.jsx", shared=True)


class Modal(rx.Component):
    """``modal.jsx``: a native ``<dialog>`` driven by a Var."""

    library = _source.importable_path
    tag = "Modal"

    open: rx.Var[bool]
    label: rx.Var[str]
    on_close: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]


def modal(
    title: Text,
    *children: object,
    open: rx.Var[bool],
    on_close: object,
    foot: list[rx.Component],
    wide: bool = False,
) -> rx.Component:
    """A dialog over the page: closes on Escape and on a click outside, which call ``on_close``."""
    return Modal.create(
        rx.el.h2(title, class_name="title", font_size="var(--t-l)"),
        rx.el.div(*children, class_name="body"),
        rx.el.div(*foot, class_name="foot"),
        open=open,
        label=title,
        on_close=on_close,
        class_name="modal wide" if wide else "modal",
    )


def confirm(
    title: Text,
    text: Text,
    *,
    open: rx.Var[bool],
    on_close: object,
    on_confirm: object,
    action: Text,
    danger: bool = True,
) -> rx.Component:
    """Asks before something that cannot be undone by one click; says what will happen."""
    return modal(
        title,
        rx.el.p(text, class_name="muted"),
        open=open,
        on_close=on_close,
        foot=[
            button("Keep as it is", on_click=on_close, auto_focus=True),
            button(action, kind="danger solid" if danger else "primary", on_click=on_confirm),
        ],
    )


def menu(label: Text, *items: rx.Component) -> rx.Component:
    """More actions behind three dots; items are buttons or links."""
    return rx.el.details(
        rx.el.summary(icon("ellipsis"), class_name="btn icon ghost", aria_label=label, title=label),
        rx.el.div(*items, class_name="panel"),
        class_name="menu",
        custom_attrs={"data-menu": "true"},
    )

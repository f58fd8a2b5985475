"""Cards, notices and what a page shows while it loads, is empty, or failed."""

import reflex as rx

from app.components.theme.icons import icon

Text = str | rx.Var[str]
TONES = {"bad": "octagon-alert", "wait": "triangle-alert", "ok": "circle-check", "": "info"}


def card(*children: object, class_name: str = "", **props: object) -> rx.Component:
    """A surface; class_name ``pad`` gives it room, ``clip`` cuts tables at its round corners."""
    return rx.el.div(*children, class_name=f"card {class_name}".strip(), **props)


def notice(title: Text, *children: object, tone: str = "", **props: object) -> rx.Component:
    """A message within the page: what happened as the title, what it means and what to do as children."""
    role = "alert" if tone == "bad" else "status"
    inside = rx.el.div(rx.el.b(title), *children)
    return rx.el.div(icon(TONES[tone]), inside, class_name=f"notice {tone}".strip(), role=role, **props)


def empty_state(icon_name: str, title: str, text: str, *actions: rx.Component) -> rx.Component:
    """What a list says when it holds nothing yet: what would be here, and the first step towards it."""
    return rx.el.div(
        rx.el.span(icon(icon_name), class_name="tile plain"),
        rx.el.b(title),
        rx.el.p(text),
        rx.el.div(*actions, class_name="row") if actions else rx.fragment(),
        class_name="empty",
    )


def error_state(title: Text, text: Text, *actions: rx.Component, heading: bool = False) -> rx.Component:
    """What a page says when its data could not be shown: what, why, what to do.

    ``heading``: it stands alone on its page, so its title is the page's.
    """
    return rx.el.div(
        rx.el.span(icon("octagon-alert"), class_name="tile bad"),
        (rx.el.h1 if heading else rx.el.b)(title),
        rx.el.p(text),
        rx.el.div(*actions, class_name="row") if actions else rx.fragment(),
        class_name="empty",
        role="alert",
    )


def skeleton_rows(count: int = 5) -> rx.Component:
    """Grey rows in the shape of a list while it loads."""
    widths = ("42%", "64%", "51%", "58%", "37%")
    return rx.el.div(
        *[
            rx.el.div(
                rx.el.span(class_name="skel", width="28px", height="28px", border_radius="8px"),
                rx.el.span(class_name="skel", width=widths[i % len(widths)], height="12px"),
                class_name="item",
            )
            for i in range(count)
        ],
        rx.el.span("Loading", class_name="sr-only"),
        aria_busy="true",
        role="status",
    )


def loading(ready: rx.Var[bool], content: rx.Component, rows: int = 5) -> rx.Component:
    """The content once it is there, skeleton rows until then."""
    return rx.cond(ready, content, skeleton_rows(rows))


def progress_bar(percent: rx.Var[float] | rx.Var[int] | float, label: str, tone: str = "run") -> rx.Component:
    """A bar from 0 to 100; screen readers hear the value."""
    width = rx.Var.create(percent).to_string() + "%"
    return rx.el.div(
        rx.el.i(style={"width": width, "background": f"var(--{tone})"}),
        class_name="bar",
        role="progressbar",
        aria_label=label,
        custom_attrs={"aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": percent},
    )


def code_block(text: Text, **props: object) -> rx.Component:
    """Text as it is, in the monospaced face, wrapping."""
    return rx.el.pre(text, class_name="code", tab_index=0, **props)

"""Icons: one sheet (``assets/icons.svg``) serves every icon, also by a name known only at run time."""

import reflex as rx

SHEET = "/icons.svg#"


def icon(name: str | rx.Var[str], class_name: str = "", label: str = "", **props: object) -> rx.Component:
    """One icon by its Lucide name (see ``icons.txt``); hidden from screen readers unless it has a label."""
    spoken: dict[str, object] = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return rx.el.svg(
        rx.el.svg.use(href=f"{SHEET}{name}"),
        class_name=f"i {class_name}".strip(),
        view_box="0 0 24 24",
        **spoken,
        **props,
    )


def tile(name: str | rx.Var[str], category: str | rx.Var[str] = "flow", class_name: str = "") -> rx.Component:
    """The colored square of a kind of node: trigger, ai, data, files, flow, app, http or code."""
    kind = f"tile {class_name} k-{category}"
    return rx.el.span(icon(name), class_name=kind)


def logo(size: int = 32) -> rx.Component:
    """The mark of the product, in the brand color."""
    return rx.el.svg(
        rx.el.rect(width="32", height="32", rx="9", fill="var(--brand)"),
        rx.el.path(
            d="M7 9c5 0 5 14 10 14S22 9 25 9M7 23c5 0 5-14 10-14s5 14 8 14",
            fill="none",
            stroke="var(--on-brand)",
            stroke_width="2.4",
            stroke_linecap="round",
        ),
        view_box="0 0 32 32",
        width=str(size),
        height=str(size),
        aria_hidden="true",
    )

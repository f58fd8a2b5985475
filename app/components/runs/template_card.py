"""A template as a card: a small drawing of its graph, its name, what it does, and what it needs."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.theme.icons import icon
from app.components.theme.states import chip


def picture(drawing: ObjectVar[Any]) -> rx.Component:
    """A few of the nodes from left to right and the wires between them; an ornament, hidden from screen readers."""
    tiles = rx.foreach(
        drawing["tiles"].to(list[dict[str, Any]]),
        lambda one: rx.el.span(
            icon(one["icon"]),
            class_name=f"tile k-{one['category']}",
            style={"left": f"{one['left']}%", "top": f"{one['top']}px"},
        ),
    )
    wires = rx.el.svg(
        rx.foreach(drawing["wires"].to(list[str]), lambda wire: rx.el.path(d=wire)),
        view_box="0 0 280 104",
        custom_attrs={"preserveAspectRatio": "none"},
        class_name="wires",
    )
    return rx.el.span(wires, tiles, class_name="pic", custom_attrs={"aria-hidden": "true"})


def template_card(template: ObjectVar[Any]) -> rx.Component:
    """A card that opens the template."""
    return rx.el.li(
        rx.el.a(
            picture(template["picture"].to(dict[str, Any])),
            rx.el.span(
                rx.el.b(template["name"], class_name="truncate"),
                rx.el.span(template["description"], class_name="hint clamp-2"),
                rx.cond(
                    template["needs"],
                    chip("Needs ", template["needs"].to(str), icon_name="plug"),
                    chip("Works now", tone="ok", icon_name="check"),
                ),
                class_name="b",
            ),
            href=template["href"],
            class_name="card clip template",
        ),
        key=template["id"].to(str),
    )

"""The page ``/templates``."""

from typing import Any

import reflex as rx

from app.components.layout import page_header, shell
from app.components.runs import picture, template_card
from app.components.theme import button, card, chip, empty_state, loading, modal
from app.pages.templates.state import Templates


def _chosen() -> rx.Component:
    one = Templates.chosen
    return modal(
        one["name"].to(str),
        picture(one["picture"].to(dict[str, Any])),
        rx.el.p(one["about"], class_name="template-text"),
        rx.cond(
            one["needs"],
            chip("Needs ", one["needs"].to(str), icon_name="plug"),
            chip("Works now, on sample data", tone="ok", icon_name="check"),
        ),
        rx.el.p(one["facts"], class_name="hint"),
        open=Templates.chosen.length() > 0,
        on_close=Templates.close,
        foot=[
            button("Not now", on_click=Templates.close),
            button(
                "Use this template",
                kind="primary",
                on_click=Templates.use(one["id"].to(str)),
                disabled=Templates.busy,
            ),
        ],
        wide=True,
    )


@rx.page(route="/templates", title="Templates · Weft", on_load=Templates.load)
def templates() -> rx.Component:
    """Every template, with a small picture of its graph."""
    nothing = card(
        empty_state("layout-template", "No templates are installed", "They come with Weft, in the folder templates.")
    )
    gallery = rx.cond(
        Templates.rows, rx.el.ul(rx.foreach(Templates.rows, template_card), class_name="cards-4 wrap"), nothing
    )
    return shell(
        page_header("Templates", under="Workflows that run as they are. Use one, look inside, change it."),
        loading(Templates.ready, gallery, rows=6),
        _chosen(),
        active="templates",
    )

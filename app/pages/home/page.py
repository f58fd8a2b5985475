"""The page ``/``."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.charts import sparkline
from app.components.charts.bars import Tick
from app.components.layout import page_header, shell
from app.components.runs import ask_card, last_run, reject_dialog, template_card
from app.components.theme import (
    card,
    empty_state,
    greeting,
    icon,
    link_button,
    moment,
    search_box,
    skeleton_rows,
    state_chip,
)
from app.deciding import Asks
from app.pages.home.state import Home


def _attention(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.li(
        rx.el.span(icon(item["icon"]), class_name=f"tile {item['tone']}"),
        rx.el.span(
            rx.el.b(item["title"], class_name="clamp-2"),
            rx.el.span(item["text"], class_name="hint clamp-2"),
            rx.el.span(item["when"], " ", moment(item["at"].to(int)), class_name="hint"),
            class_name="grow words",
        ),
        link_button("Look", item["href"], aria_label=f"Look at: {item['title']}"),
        class_name=f"card need attend {item['tone']}",
        key=item["key"],
    )


def _running(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.li(
        state_chip(item["last_status"].to(str)),
        rx.el.span(item["name"], class_name="strong truncate grow"),
        rx.el.span("started ", moment(item["last_at"].to(int)), class_name="hint"),
        link_button("Watch", item["last_href"], kind="small", aria_label=f"Watch {item['name']}"),
        class_name="item",
        key=item["id"],
    )


def _workflow(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.a(item["name"], href=item["href"], class_name="strong row-link"), class_name="name"),
        rx.el.td(item["trigger"], class_name="muted wide-only trigger", title=item["trigger"]),
        rx.el.td(last_run(item)),
        rx.el.td(item["today"], class_name="mono num end wide-only"),
        rx.el.td(sparkline(item["ticks"].to(list[Tick]), item["health"].to(str)), class_name="wide-only"),
        rx.el.td(item["owner"], class_name="muted roomy-only"),
        key=item["id"],
    )


def _table() -> rx.Component:
    heads = (
        ("Workflow", ""),
        ("Trigger", "wide-only"),
        ("Last run", ""),
        ("Today", "end wide-only"),
        ("Health", "wide-only"),
        ("Owner", "roomy-only"),
    )
    return rx.el.table(
        rx.el.thead(rx.el.tr(*[rx.el.th(word, scope="col", class_name=style) for word, style in heads])),
        rx.el.tbody(rx.foreach(Home.workflows, _workflow)),
        class_name="table",
        aria_label="Workflows",
    )


def _workflows() -> rx.Component:
    nothing = empty_state(
        "workflow",
        "No workflows yet",
        "A workflow is a drawing that runs: what starts it, what happens to every item, and what comes out. "
        "Start from a template above and change it, or draw your own.",
        link_button("New workflow", "/workflows?new=1", icon_name="plus", kind="primary"),
    )
    more = rx.el.a(f"All workflows ({Home.more} more)", href="/workflows", class_name="link")
    return card(
        rx.cond(Home.workflows, _table(), nothing),
        rx.cond(Home.more > 0, rx.el.div(more, class_name="pager"), rx.fragment()),
        class_name="clip",
    )


def _needs() -> rx.Component:
    """What waits for the person who looks, and what went wrong."""

    def asked(one: ObjectVar[Any]) -> rx.Component:
        return ask_card(one, Asks.decide, Asks.approve, Asks.ask_why, linked=True)

    cards = rx.el.ul(
        rx.foreach(Asks.mine.to(list[dict[str, Any]]), asked),
        rx.foreach(Home.attention, _attention),
        class_name="asks",
    )
    return rx.cond(
        Asks.mine.length() + Home.attention.length() > 0,
        rx.el.section(rx.el.h2("Needs you", class_name="section-head"), cards),
        rx.fragment(),
    )


def _body() -> rx.Component:
    return rx.fragment(
        _needs(),
        reject_dialog(Asks.rejecting != "", Asks.error, Asks.ask_why(""), Asks.reject),
        rx.cond(
            Home.running,
            rx.el.section(
                rx.el.h2("Running now", class_name="section-head"),
                card(rx.el.ul(rx.foreach(Home.running, _running), class_name="list"), class_name="clip"),
            ),
            rx.fragment(),
        ),
        rx.el.section(
            rx.el.div(
                rx.el.h2("Start from something that works"),
                rx.el.a("All templates →", href="/templates", class_name="muted right"),
                class_name="section-head",
            ),
            rx.el.ul(rx.foreach(Home.templates, template_card), class_name="cards-4"),
        ),
        rx.el.section(rx.el.h2("Workflows", class_name="sr-only"), _workflows()),
    )


@rx.page(route="/", title="Home · Weft", on_load=Home.load)
def home() -> rx.Component:
    """What needs you, what runs, where to start, and every workflow's health."""
    return shell(
        page_header(
            greeting(Home.name),
            rx.el.form(
                search_box("Search workflows", name="search", max_length=200), on_submit=Home.search, role="search"
            ),
            link_button("Import", "/workflows?import=1"),
            link_button("New workflow", "/workflows?new=1", icon_name="plus", kind="primary"),
            under=Home.summary,
        ),
        rx.cond(Home.ready, _body(), card(skeleton_rows(8))),
        active="home",
    )

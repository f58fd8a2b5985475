"""The page ``/runs``."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.layout import page_header, shell
from app.components.runs import ask_card, reject_dialog, waits_for
from app.components.theme import (
    button,
    card,
    chip,
    elapsed,
    empty_state,
    link_button,
    loading,
    moment,
    search_box,
    segmented_links,
    state_chip,
)
from app.deciding import Asks
from app.pages.runs.state import Runs

FILTERS = (
    ("all", "All"),
    ("running", "Running"),
    ("needs", "Needs you"),
    ("paused", "Paused"),
    ("failed", "Failed"),
    ("done", "Done"),
    ("cancelled", "Cancelled"),
)


def _row(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.tr(
        rx.el.td(state_chip(item["status"].to(str))),
        rx.el.td(
            rx.el.a(item["workflow"], href=item["href"], class_name="strong row-link"),
            rx.cond(item["dry"], rx.fragment(" ", chip("Dry run", icon_name="flask-conical")), rx.fragment()),
            rx.cond(item["error"], rx.el.div(item["error"], class_name="hint clamp-2"), rx.fragment()),
            rx.cond(item["waits"], rx.el.div(waits_for(item), class_name="hint"), rx.fragment()),
            rx.el.div(
                elapsed(item["since"].to(int), item["until"].to(int)),
                " · ",
                moment(item["created_at"].to(int)),
                class_name="hint narrow-line",
            ),
            class_name="name",
        ),
        rx.el.td(item["source"], class_name="muted wide-only"),
        rx.el.td(item["version"], class_name="muted wide-only"),
        rx.el.td(moment(item["created_at"].to(int)), class_name="muted wide-only"),
        rx.el.td(elapsed(item["since"].to(int), item["until"].to(int)), class_name="mono num end wide-only"),
        key=item["id"],
    )


def _table() -> rx.Component:
    heads = (
        ("State", ""),
        ("Workflow", ""),
        ("Started by", "wide-only"),
        ("Version", "wide-only"),
        ("When", "wide-only"),
        ("Took", "end wide-only"),
    )
    return rx.el.div(
        rx.el.table(
            rx.el.thead(rx.el.tr(*[rx.el.th(word, scope="col", class_name=style) for word, style in heads])),
            rx.el.tbody(rx.foreach(Runs.rows, _row)),
            class_name="table",
            aria_label="Runs",
        ),
        rx.cond(
            Runs.has_more,
            rx.el.div(button("Show earlier runs", on_click=Runs.more), class_name="pager center"),
            rx.fragment(),
        ),
    )


def _nothing() -> rx.Component:
    none = empty_state(
        "play",
        "Nothing has run yet",
        "Open a workflow and press Run, publish its form, or turn it on: every run appears here as it happens, "
        "with each step and each item to look into.",
        link_button("Workflows", "/workflows", kind="primary", icon_name="workflow"),
    )
    filtered = empty_state(
        "list-filter",
        "No run fits",
        "Choose another state or search for another name.",
        link_button("All runs", "/runs"),
    )
    return rx.cond((Runs.filter == "all") & (Runs.search == "") & (Runs.workflow_id == ""), none, filtered)


def _asks() -> rx.Component:
    """What waits for the person who looks: all of it by its filter, and on phones the first in front of everything."""

    def card_of(one: Any) -> rx.Component:
        return ask_card(one, Asks.decide, Asks.approve, Asks.ask_why, linked=True)

    cards = rx.el.ul(
        rx.foreach(Asks.mine.to(list[dict[str, Any]]), card_of),
        class_name=rx.cond(Runs.filter == "needs", "asks", "asks phone-only"),
        aria_label="What waits for you",
    )
    here = (Runs.filter == "needs") | ((Runs.filter == "all") & (Runs.search == "") & (Runs.workflow_id == ""))
    return rx.fragment(
        rx.cond(here & (Asks.mine.length() > 0), cards, rx.fragment()),
        reject_dialog(Asks.rejecting != "", Asks.error, Asks.ask_why(""), Asks.reject),
    )


def _filters() -> rx.Component:
    """The states as links, with how many runs are in those that are not an end; they stay with the workflow."""
    options = [(value, _counted(value, word), f"/runs?show={value}{Runs.only}") for value, word in FILTERS]
    return rx.el.div(segmented_links(options, Runs.filter, "State"), class_name="scroll-x")


def _counted(value: str, word: str) -> rx.Component:
    number = Runs.counts[value]
    return rx.fragment(word, rx.cond(number, rx.el.span(number, class_name=f"count {value}"), rx.fragment()))


@rx.page(route="/runs", title="Runs · Weft", on_load=Runs.load)
def runs() -> rx.Component:
    """Runs of the whole workspace or of one workflow."""
    only = rx.el.span(
        chip(rx.cond(Runs.workflow, Runs.workflow, "One workflow"), icon_name="workflow"),
        link_button("Runs of all workflows", "/runs", kind="small"),
        class_name="row",
    )
    return shell(
        page_header(
            "Runs",
            search_box("Search by workflow", on_change=Runs.find.debounce(250), max_length=200),
            beside=chip("Live", tone="run", icon_name="radio"),
        ),
        _filters(),
        rx.cond(Runs.workflow_id, only, rx.fragment()),
        _asks(),
        loading(Runs.ready, card(rx.cond(Runs.rows, _table(), _nothing()), class_name="clip"), rows=8),
        active="runs",
    )

"""The page ``/system``."""

from collections.abc import Callable
from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.layout import page_header, shell
from app.components.theme import card, chip, empty_state, error_state, icon, loading, moment, notice, state_chip
from app.pages.system.state import Installation
from app.pages.system.storage import storage
from app.pages.system.storage_state import Keeping

Head = tuple[str, str]


def _table(
    label: str, heads: tuple[Head, ...], rows: Any, row: Callable[[ObjectVar[Any]], rx.Component]
) -> rx.Component:
    return rx.el.table(
        rx.el.thead(rx.el.tr(*[rx.el.th(word, scope="col", class_name=style) for word, style in heads])),
        rx.el.tbody(rx.foreach(rows, row)),
        class_name="table",
        aria_label=label,
    )


def _section(title: str, text: str, content: rx.Component) -> rx.Component:
    key = title.lower().replace(" ", "-")
    return rx.el.section(
        rx.el.h2(title, id=key, class_name="section-title"),
        rx.el.p(text, class_name="hint"),
        card(content, class_name="clip"),
        aria_labelledby=key,
        class_name="stack tight",
    )


def _tile(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.li(
        rx.el.span(item["title"], class_name="muted"),
        rx.el.b(item["number"], class_name="num"),
        rx.el.span(item["said"], class_name=rx.cond(item["bad"], "hint bad", "hint")),
        class_name="card pad tile-figure",
        key=item["title"],
    )


def _process(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.span(item["part"], class_name="strong"),
            rx.el.div(item["where"], class_name="hint"),
            class_name="name",
        ),
        rx.el.td(rx.cond(item["load"], item["load"], rx.el.span("none", class_name="hint")), class_name="num end"),
        rx.el.td(item["memory"], class_name="num end"),
        rx.el.td(moment(item["since"].to(int)), class_name="muted wide-only"),
        rx.el.td(item["version"], class_name="mono muted wide-only"),
        key=item["id"],
    )


def _lease(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.tr(
        rx.el.td(state_chip(item["status"].to(str))),
        rx.el.td(rx.el.a(item["workflow"], href=item["href"], class_name="strong row-link"), class_name="name"),
        rx.el.td(moment(item["queued_at"].to(int)), class_name="muted wide-only"),
        rx.el.td(
            rx.cond(item["lease_until"], moment(item["lease_until"].to(int), "clock"), "none yet"), class_name="muted"
        ),
        rx.el.td(item["epoch"], class_name="num end wide-only"),
        key=item["key"],
    )


def _schedule(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.a(item["workflow"], href=item["href"], class_name="strong row-link"),
            rx.cond(item["alarm"], rx.el.div(item["alarm"], class_name="hint bad"), rx.fragment()),
            class_name="name",
        ),
        rx.el.td(rx.cond(item["next_due"], moment(item["next_due"].to(int)), "never")),
        rx.el.td(
            rx.cond(item["last_fired"], moment(item["last_fired"].to(int)), "not yet"), class_name="muted wide-only"
        ),
        rx.el.td(
            rx.cond(item["alarm"], chip("Overdue", tone="bad"), chip("In time", tone="ok")), class_name="wide-only"
        ),
        key=item["href"],
    )


def _processes() -> rx.Component:
    heads = (
        ("Process", ""),
        ("Runs at once", "end"),
        ("Memory", "end"),
        ("Started", "wide-only"),
        ("Version", "wide-only"),
    )
    away = notice(
        "Redis does not answer",
        "Runs are recorded and start when it is back. Which processes are alive is not known until then.",
        tone="bad",
    )
    return rx.cond(
        Installation.redis_away,
        away,
        rx.fragment(
            rx.cond(
                Installation.missing,
                notice(Installation.missing, "Start it with ./weft up.", tone="bad"),
                rx.fragment(),
            ),
            _section(
                "Processes",
                "Everything that is alive, on every machine. A process that says nothing for 20 seconds is gone.",
                _table("Processes", heads, Installation.processes, _process),
            ),
        ),
    )


def _alarm(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.li(
        rx.el.span(icon(item["icon"]), class_name=f"tile {item['tone']}"),
        rx.el.span(
            rx.el.b(item["title"]),
            rx.el.span(item["text"], class_name="hint"),
            rx.cond(item["at"], rx.el.span("since ", moment(item["at"].to(int)), class_name="hint"), rx.fragment()),
            class_name="grow words",
        ),
        class_name=f"card need {item['tone']}",
        key=item["key"],
    )


def _alarms() -> rx.Component:
    return rx.cond(
        Installation.alarms,
        rx.el.div(rx.el.ul(rx.foreach(Installation.alarms, _alarm), class_name="cards-3"), role="alert"),
        rx.fragment(),
    )


def _payloads() -> rx.Component:
    away = notice(
        Installation.payloads_away,
        "Steps with large results and files wait for it, or fail. ./weft doctor says more.",
        tone="bad",
    )
    return rx.cond(Installation.payloads_away, away, rx.fragment())


def _work() -> rx.Component:
    heads = (
        ("State", ""),
        ("Workflow", ""),
        ("Queued", "wide-only"),
        ("Held until", ""),
        ("Times taken", "end wide-only"),
    )
    none = empty_state(
        "circle-check", "Nothing is under way", "Runs of this workspace appear here while they work or wait."
    )
    return _section(
        "Under way",
        "What workers hold and what waits for one. If a worker dies, another takes over when its hold ends.",
        rx.cond(Installation.leases, _table("Under way", heads, Installation.leases, _lease), none),
    )


def _schedules() -> rx.Component:
    heads = (("Workflow", ""), ("Next", ""), ("Last fired", "wide-only"), ("State", "wide-only"))
    none = empty_state(
        "calendar-clock", "No schedule is on", "Publish a workflow that starts by a schedule and turn it on."
    )
    return _section(
        "Schedules",
        "When each fires next. One whose time passed without a run is overdue, and says so.",
        rx.cond(Installation.schedules, _table("Schedules", heads, Installation.schedules, _schedule), none),
    )


@rx.page(route="/system", title="System · Weft", on_load=[Installation.load, Keeping.load])
def system() -> rx.Component:
    """How the installation is, as it happens."""
    tiles = rx.el.ul(rx.foreach(Installation.tiles, _tile), class_name="figures")
    content = rx.cond(
        Installation.refused,
        error_state("This is for owners", Installation.refused),
        rx.fragment(_alarms(), _payloads(), tiles, _processes(), _work(), _schedules(), storage()),
    )
    return shell(
        page_header(
            "System",
            before=rx.el.a("Settings /", href="/settings", class_name="muted crumb"),
            beside=chip("Live", tone="run", icon_name="radio"),
        ),
        loading(Installation.ready, content, rows=8),
        active="settings",
    )

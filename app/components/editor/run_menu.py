"""The Run button and what hangs on it: run on from a node, only what is stale, up to a node, a dry run."""

from typing import Any

import reflex as rx
from reflex.vars import BooleanVar, NumberVar, StringVar

from app.components.canvas import flush_button
from app.components.theme import icon


def run_button(words: StringVar[str], busy: BooleanVar, on_run: Any, class_name: str = "btn primary") -> rx.Component:
    """Runs the draft once everything typed has been saved."""
    return flush_button(
        rx.cond(busy, icon("loader", "spin"), icon("play")),
        rx.el.span(words, class_name="ed-run-words"),
        class_name=class_name,
        disabled=busy,
        test_id="run",
        on_go=on_run,
    )


def _entry(mark: str, word: Any, on_go: Any, *, disabled: Any, test_id: str, keys: str = "") -> rx.Component:
    return flush_button(
        icon(mark),
        rx.el.span(word, class_name="grow"),
        rx.el.span(keys, class_name="hint") if keys else rx.fragment(),
        class_name="ed-run-entry",
        disabled=disabled,
        test_id=test_id,
        on_go=on_go,
    )


def run_menu(
    *,
    words: StringVar[str],
    busy: BooleanVar,
    selected: StringVar[str],
    stale: NumberVar[int],
    handlers: dict[str, Any],
) -> rx.Component:
    """``handlers``: run, from, stale, up_to, dry. What needs a selected node is off without one."""
    alone = busy | (selected == "")
    again = rx.cond(stale > 0, "Run only what is stale (" + stale.to_string() + ")", "Run only what is stale")
    entries = [
        _entry("play", "Run", handlers["run"], disabled=busy, test_id="menu-run", keys="Ctrl Enter"),
        _entry(
            "circle-play",
            "Run from here",
            handlers["from"],
            disabled=alone,
            test_id="menu-from",
            keys="Ctrl Shift Enter",
        ),
        _entry("refresh-cw", again, handlers["stale"], disabled=busy | (stale == 0), test_id="menu-stale"),
        _entry("skip-forward", "Run up to here", handlers["up_to"], disabled=alone, test_id="menu-up-to"),
        _entry("flask-conical", "Dry run: send nothing", handlers["dry"], disabled=busy, test_id="menu-dry"),
    ]
    more = rx.el.details(
        rx.el.summary(
            icon("chevron-down"), class_name="btn primary icon ed-run-more", aria_label="More ways to run",
            title="More ways to run",
        ),
        rx.el.div(*entries, class_name="panel"),
        class_name="menu",
        custom_attrs={"data-menu": "true"},
    )  # fmt: skip
    return rx.el.div(run_button(words, busy, handlers["run"], "btn primary ed-run-main"), more, class_name="ed-run")

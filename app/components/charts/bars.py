"""Bars. Every bar carries its number as text, so that the chart is also a table for those who cannot see it."""

from typing import Any, TypedDict

import reflex as rx
from reflex.vars import ObjectVar


class Bar(TypedDict):
    """One bar: its name, the number as shown, and its length in percent of the longest."""

    label: str
    text: str
    percent: float


class Tick(TypedDict):
    """One run in a strip: its tone (ok, bad, wait, run or none), height in percent, and what it says."""

    tone: str
    height: float
    title: str


def _bar(bar: ObjectVar[Any]) -> rx.Component:
    track = rx.el.span(
        rx.el.i(style={"width": f"{bar['percent']}%"}), class_name="track", custom_attrs={"aria-hidden": "true"}
    )
    return rx.el.div(
        rx.el.dt(bar["label"], class_name="truncate", title=bar["label"]),
        rx.el.dd(track, rx.el.span(bar["text"], class_name="mono num")),
        class_name="bar-row",
    )


def bar_chart(bars: rx.Var[list[Bar]], label: str | rx.Var[str]) -> rx.Component:
    """Horizontal bars in the order given; numbers at their right."""
    return rx.el.dl(rx.foreach(bars, _bar), class_name="bars", aria_label=label)


def _tick(tick: ObjectVar[Any]) -> rx.Component:
    return rx.el.i(class_name=f"tick {tick['tone']}", style={"height": f"{tick['height']}%"}, title=tick["title"])


def sparkline(ticks: rx.Var[list[Tick]], summary: str | rx.Var[str]) -> rx.Component:
    """The last runs as thin bars, oldest first; ``summary`` says the same in words."""
    return rx.el.span(rx.foreach(ticks, _tick), class_name="spark", role="img", aria_label=summary, title=summary)

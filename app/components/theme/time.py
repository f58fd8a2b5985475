"""Moments and durations, said in the browser: only it knows the reader's time zone."""

import reflex as rx

_source = rx.asset("time.jsx", shared=True)


class Moment(rx.Component):
    """A moment; ``kind`` is ago (ticks by itself), clock or short."""

    library = _source.importable_path
    tag = "Moment"

    at: rx.Var[int]
    kind: rx.Var[str]


class Elapsed(rx.Component):
    """A duration in milliseconds, or the time from ``since`` until ``until``; ticks while that is 0."""

    library = _source.importable_path
    tag = "Elapsed"

    since: rx.Var[int]
    until: rx.Var[int]
    ms: rx.Var[int | None]


class Greeting(rx.Component):
    """Good morning, afternoon or evening, by the reader's clock."""

    library = _source.importable_path
    tag = "Greeting"

    name: rx.Var[str]


def moment(at: rx.Var[int] | int, kind: str = "ago") -> rx.Component:
    """A moment given as milliseconds since 1970 UTC; nothing for 0."""
    return Moment.create(at=at, kind=kind)


def elapsed(since: rx.Var[int] | int, until: rx.Var[int] | int = 0) -> rx.Component:
    """How long something took, or has taken so far."""
    return Elapsed.create(since=since, until=until)


def duration(ms: rx.Var[int] | int) -> rx.Component:
    """A duration in milliseconds as people say it: 12 ms, 4.1 s, 1 min 50 s."""
    return Elapsed.create(ms=ms)


def greeting(name: rx.Var[str]) -> rx.Component:
    """The words that a person is greeted with."""
    return Greeting.create(name=name)

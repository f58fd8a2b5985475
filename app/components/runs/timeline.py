"""The timeline of a run: one row per step, its bar on the run's clock, growing while it runs."""

from typing import Any, TypedDict

import reflex as rx

_source = rx.asset("timeline.jsx", shared=True)


class TimelineStep(TypedDict, total=False):
    """A row of the timeline. Moments in milliseconds since 1970 UTC, 0 for not yet; ``depth``: in how
    many containers and rounds it stands; ``fold``: open or shut where something stands in it."""

    id: str
    label: str
    icon: str
    category: str
    status: str
    start: int
    end: int
    items: str
    depth: int
    fold: str


class Timeline(rx.Component):
    """``timeline.jsx``. A new ``rev`` replaces all rows, a new ``patch_seq`` merges the changed ones."""

    library = _source.importable_path
    tag = "Timeline"

    rows: rx.Var[list[dict[str, Any]]]
    rev: rx.Var[int]
    patch: rx.Var[list[dict[str, Any]]]
    patch_seq: rx.Var[int]
    start: rx.Var[int]
    end: rx.Var[int]
    selected: rx.Var[str]
    on_select: rx.EventHandler[rx.event.passthrough_event_spec(str)]  # type: ignore[type-arg,valid-type]
    on_toggle: rx.EventHandler[rx.event.passthrough_event_spec(str)]  # type: ignore[type-arg,valid-type]


def timeline(**props: object) -> rx.Component:
    """The steps of a run as they happen; ``on_select`` and ``on_toggle`` receive the id of the row that was chosen."""
    return Timeline.create(**props)

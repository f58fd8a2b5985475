"""What shows a run: its timeline, the values of its steps, its results."""

from app.components.runs.results import Result, result_panel
from app.components.runs.timeline import Timeline, TimelineStep, timeline
from app.components.runs.values import EMPTY, ValueView, pager, value_table, value_view

__all__ = [
    "EMPTY",
    "Result",
    "Timeline",
    "TimelineStep",
    "ValueView",
    "pager",
    "result_panel",
    "timeline",
    "value_table",
    "value_view",
]

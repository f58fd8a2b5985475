"""What shows a run: its timeline, the values of its steps, its results."""

from app.components.runs.asks import Ask, ask_card, reject_dialog
from app.components.runs.last_run import last_run
from app.components.runs.repeats import ask_repeats
from app.components.runs.results import Result, result_panel
from app.components.runs.template_card import picture, template_card
from app.components.runs.timeline import Timeline, TimelineStep, timeline
from app.components.runs.values import EMPTY, ValueView, pager, value_table, value_view
from app.components.runs.waits import waits_for

__all__ = [
    "EMPTY",
    "Ask",
    "Result",
    "Timeline",
    "TimelineStep",
    "ValueView",
    "ask_card",
    "ask_repeats",
    "last_run",
    "pager",
    "picture",
    "reject_dialog",
    "result_panel",
    "template_card",
    "timeline",
    "value_table",
    "value_view",
    "waits_for",
]

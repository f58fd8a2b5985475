"""The parts around the canvas."""

from app.components.editor.dialogs import (
    history_dialog,
    publish_dialog,
    share_dialog,
    text_dialog,
    turn_on_dialog,
)
from app.components.editor.guide import prompts, start_card
from app.components.editor.inspector import inspector
from app.components.editor.keeping import keep_dialog, out_bar
from app.components.editor.run_menu import run_button, run_menu
from app.components.editor.run_strip import results_pane, run_strip
from app.components.editor.top_bar import top_bar

__all__ = [
    "history_dialog",
    "inspector",
    "keep_dialog",
    "out_bar",
    "prompts",
    "publish_dialog",
    "results_pane",
    "run_button",
    "run_menu",
    "run_strip",
    "share_dialog",
    "start_card",
    "text_dialog",
    "top_bar",
    "turn_on_dialog",
]

"""The canvas and the parts of the editor that share its stores in the browser."""

from app.components.canvas.canvas import (
    canvas_feed,
    flow_canvas,
    flush_button,
    focus_feed,
    history_buttons,
    palette,
    save_state,
    status_feed,
    step_list,
)

__all__ = [
    "canvas_feed",
    "flow_canvas",
    "flush_button",
    "focus_feed",
    "history_buttons",
    "palette",
    "save_state",
    "status_feed",
    "step_list",
]

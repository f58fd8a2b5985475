"""The canvas: a thin wrapper of React Flow. The browser owns the interaction, Python owns the drawing."""

from typing import Any

import reflex as rx

SCRIPT = rx.asset("canvas.jsx", shared=True)
for _part in (
    "actions.js", "board.js", "canvas.css", "clipboard.js", "container.jsx",
    "containers.js", "controls.jsx", "feed.jsx", "gestures.js",
    "guides.jsx", "icons.jsx", "keyboard.js", "map.jsx", "nodes.jsx", "overlays.jsx", "palette.jsx", "queue.js",
    "quickadd.jsx", "splice.js", "steps.jsx", "store.js", "wires.jsx",
):  # fmt: skip
    rx.asset(_part, shared=True)


class _Part(rx.NoSSRComponent):
    library = SCRIPT.importable_path
    lib_dependencies: list[str] = ["@xyflow/react@12.12.1"]


_batch_spec = rx.event.passthrough_event_spec(dict[str, Any])
_ids_spec = rx.event.passthrough_event_spec(list[str])
_word_spec = rx.event.passthrough_event_spec(str)
_output_spec = rx.event.passthrough_event_spec(str, str)  # type: ignore[call-arg]


class FlowCanvas(_Part):
    """The drawing itself. It takes no graph: see CanvasFeed."""

    tag = "FlowCanvas"

    color_mode: rx.Var[str]
    read_only: rx.Var[bool]
    on_batch: rx.EventHandler[_batch_spec]  # type: ignore[type-arg,valid-type]
    on_select: rx.EventHandler[_ids_spec]  # type: ignore[type-arg,valid-type]
    on_connect_start: rx.EventHandler[_output_spec]  # type: ignore[type-arg,valid-type]
    on_run: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]
    on_run_from: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]
    on_keep: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]


class CanvasFeed(_Part):
    """Renders nothing; hands snapshot, patches, answers and status to the canvas. Each has a counter that tells it."""

    tag = "CanvasFeed"

    types: rx.Var[list[dict[str, Any]]]
    snapshot: rx.Var[dict[str, Any]]
    snapshot_seq: rx.Var[int]
    patch: rx.Var[dict[str, Any]]
    patch_seq: rx.Var[int]
    answer: rx.Var[dict[str, Any]]
    answer_seq: rx.Var[int]
    targets: rx.Var[dict[str, Any]]
    targets_seq: rx.Var[int]
    on_batch: rx.EventHandler[_batch_spec]  # type: ignore[type-arg,valid-type]


class StatusFeed(_Part):
    """Renders nothing; hands the status of a run to the cards, as a whole or as what changed.

    `marks` stand beside it: by node `stale`, the reason why its result no longer holds, and `kept`.
    """

    tag = "StatusFeed"

    statuses: rx.Var[dict[str, Any]]
    statuses_seq: rx.Var[int]
    patch: rx.Var[dict[str, Any]]
    patch_seq: rx.Var[int]
    marks: rx.Var[dict[str, Any]]
    marks_seq: rx.Var[int]


class FocusFeed(_Part):
    """Renders nothing; selects what the page asks for."""

    tag = "FocusFeed"

    focus: rx.Var[dict[str, Any]]
    seq: rx.Var[int]


class Palette(_Part):
    """The catalogue with a search: drag onto the canvas or tap to add."""

    tag = "Palette"

    on_added: rx.EventHandler[_word_spec]  # type: ignore[type-arg,valid-type]


class StepList(_Part):
    """The workflow as a list of steps."""

    tag = "StepList"

    on_open: rx.EventHandler[_word_spec]  # type: ignore[type-arg,valid-type]


class SaveState(_Part):
    """Saved, saving, or how many edits wait for the connection."""

    tag = "SaveState"


class HistoryButtons(_Part):
    """Undo and redo."""

    tag = "HistoryButtons"

    can_undo: rx.Var[bool]
    can_redo: rx.Var[bool]


class FlushButton(_Part):
    """A button that acts once everything typed so far has reached the draft."""

    tag = "FlushButton"

    label: rx.Var[str]
    disabled: rx.Var[bool]
    test_id: rx.Var[str]
    on_go: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]


flow_canvas = FlowCanvas.create
canvas_feed = CanvasFeed.create
status_feed = StatusFeed.create
focus_feed = FocusFeed.create
palette = Palette.create
step_list = StepList.create
save_state = SaveState.create
history_buttons = HistoryButtons.create
flush_button = FlushButton.create

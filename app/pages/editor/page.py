"""The page ``/w/<id>``: palette, canvas, inspector, run strip and results around one draft."""

from typing import Any

import reflex as rx

from app.components.canvas import flow_canvas, palette, step_list
from app.components.editor import (
    prompts,
    results_pane,
    start_card,
)
from app.components.layout import shell
from app.components.theme import error_state, icon_button, link_button
from app.pages.editor import panels
from app.pages.editor.draft import DraftState
from app.pages.editor.guide import GuideState
from app.pages.editor.inspector import InspectorState
from app.pages.editor.keeping import KeepState
from app.pages.editor.rerunning import RerunState
from app.pages.editor.running import RunState

# Vars are typed as the values they hold on the server; on the page they are expressions.
draft: Any = DraftState
guide: Any = GuideState
keep: Any = KeepState
node: Any = InspectorState
rerun: Any = RerunState
run: Any = RunState

RUN = panels.RUN


def _stage() -> rx.Component:
    """The canvas and what lies over its lower edge."""
    return rx.el.section(
        flow_canvas(
            color_mode="light",
            read_only=draft.read_only,
            on_batch=draft.batch,
            on_select=node.select,
            on_connect_start=draft.connecting,
            on_run=RUN,
            on_run_from=rerun.from_here,
            on_keep=keep.toggle,
        ),
        rx.el.div(
            prompts(
                shown=guide.prompting & ~guide.first & (run.status == "done"),
                dismissed=guide.dismissed,
                handlers={"try_it": guide.try_it, "dismiss": guide.dismiss},
            ),
            start_card(
                shown=guide.first,
                words=run.run_words,
                busy=run.moving,
                hint=guide.hint,
                on_run=RUN,
            ),
            panels.strip(),
            class_name="ed-under",
        ),
        class_name="ed-stage",
        aria_label="Drawing",
    )


def _steps() -> rx.Component:
    """The first view of a phone."""
    return rx.el.section(
        step_list(on_open=guide.look_at),
        class_name="ed-steps",
        aria_label="Steps",
    )


def _views() -> rx.Component:
    def one(key: str, word: str) -> rx.Component:
        return rx.el.button(
            word,
            type="button",
            class_name=rx.cond(guide.view == key, "on", ""),
            aria_pressed=guide.view == key,
            on_click=guide.show(key),
        )

    return rx.el.div(
        rx.el.div(one("steps", "Steps"), one("canvas", "Canvas"), class_name="segmented"),
        rx.el.span(class_name="grow"),
        icon_button("plus", "Add a node", kind="", on_click=guide.toggle_palette),
        class_name="ed-views",
    )


def _work() -> rx.Component:
    return rx.el.div(
        panels.top(),
        _views(),
        rx.el.div(
            rx.el.aside(
                palette(on_added=guide.added),
                class_name=rx.cond(guide.palette_open, "ed-palette open", "ed-palette"),
                aria_label="Nodes to add",
            ),
            _steps(),
            _stage(),
            results_pane(
                shown=run.show_results & (node.selected == ""),
                results=run.results,
                status=run.status,
                run_id=run.run_id,
                handlers={
                    "results": run.toggle_results,
                    "page": run.turn_page,
                    "narrow": run.narrow,
                },
            ),
            panels.side(),
            class_name=f"ed-work view-{guide.view}",
        ),
        panels.dialogs(),
        panels.feeds(),
        class_name="ed",
    )


@rx.page(
    route="/w/[drawing_id]",
    title="Editor · Weft",
    on_load=[draft.open, guide.open, run.open],
)
def editor() -> rx.Component:
    """One workflow, drawn."""
    gone = error_state("Not here", draft.missing, link_button("All workflows", "/workflows"), heading=True)
    return shell(rx.cond(draft.missing != "", gone, _work()), active="workflows", folded=True, page_class="ed-page")

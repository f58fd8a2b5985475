"""The page ``/w/<id>``: palette, canvas, inspector, run strip and results around one draft."""

from typing import Any

import reflex as rx

from app.components.canvas import canvas_feed, flow_canvas, focus_feed, palette, status_feed, step_list
from app.components.editor import (
    history_dialog,
    inspector,
    keep_dialog,
    out_bar,
    prompts,
    publish_dialog,
    results_pane,
    run_menu,
    run_strip,
    share_dialog,
    start_card,
    text_dialog,
    top_bar,
    turn_on_dialog,
)
from app.components.layout import shell
from app.components.runs import ask_repeats
from app.components.theme import error_state, icon_button, link_button
from app.pages.editor.bar import BarState
from app.pages.editor.draft import DraftState
from app.pages.editor.guide import GuideState
from app.pages.editor.inspector import InspectorState
from app.pages.editor.keeping import KeepState
from app.pages.editor.marks import MarksState
from app.pages.editor.rerunning import RerunState
from app.pages.editor.running import RunState

# Vars are typed as the values they hold on the server; on the page they are expressions.
bar: Any = BarState
draft: Any = DraftState
guide: Any = GuideState
keep: Any = KeepState
marks: Any = MarksState
node: Any = InspectorState
rerun: Any = RerunState
run: Any = RunState

RUN = [guide.started, run.start]


def _feeds() -> rx.Component:
    return rx.fragment(
        canvas_feed(
            types=draft.types,
            snapshot=draft.snapshot,
            snapshot_seq=draft.snapshot_seq,
            patch=draft.patch,
            patch_seq=draft.patch_seq,
            answer=draft.answer,
            answer_seq=draft.answer_seq,
            targets=draft.targets,
            targets_seq=draft.targets_seq,
            on_batch=draft.batch,
        ),
        status_feed(
            statuses=run.statuses,
            statuses_seq=run.statuses_seq,
            patch=run.patch,
            patch_seq=run.patch_seq,
            marks=marks.marks,
            marks_seq=marks.marks_seq,
        ),
        focus_feed(focus=guide.focus, seq=guide.focus_seq),
    )


def _bar() -> rx.Component:
    return top_bar(
        name=bar.name,
        badge=bar.badge,
        enabled=bar.enabled,
        can_undo=bar.can_undo,
        can_redo=bar.can_redo,
        run=run_menu(
            words=run.run_words,
            busy=run.active,
            selected=node.selected,
            stale=marks.stale,
            handlers={
                "run": RUN,
                "from": rerun.from_here,
                "stale": rerun.stale,
                "up_to": rerun.up_to_here,
                "dry": rerun.dry,
            },
        ),
        quiet=guide.first,
        on_rename=bar.rename,
        on_switch=bar.switch,
        on_dialog=bar.open_dialog,
    )


def _dialogs() -> rx.Component:
    close = bar.open_dialog("")
    return rx.fragment(
        ask_repeats(repeats=rerun.repeats, open=rerun.asked, on_close=rerun.close, on_confirm=rerun.confirm),
        publish_dialog(
            open=bar.dialog == "publish",
            problems=bar.problems,
            version=bar.version,
            writers=bar.writers,
            kept=marks.kept_titles,
            handlers={"close": close, "note": bar.set_note, "publish": bar.publish},
        ),
        turn_on_dialog(
            open=bar.dialog == "turn_on",
            starts=bar.starts,
            handlers={"close": close, "turn_on": bar.turn_on},
        ),
        history_dialog(
            open=bar.dialog == "history",
            history=bar.history,
            handlers={"close": close, "restore": draft.restore},
        ),
        share_dialog(
            open=bar.dialog == "share",
            address=bar.form_address,
            refusal=bar.form_refusal,
            handlers={"close": close, "share": bar.share, "unshare": bar.unshare},
        ),
        text_dialog(
            open=bar.dialog == "text",
            document=bar.document,
            problems=bar.document_problems,
            handlers={"close": close, "save": draft.save_document},
        ),
        keep_dialog(
            open=keep.editing,
            title=keep.title,
            text=keep.text,
            problem=keep.problem,
            handlers={"close": keep.close, "save": keep.save},
        ),
    )


def _inspector() -> rx.Component:
    return inspector(
        selected=node.selected,
        head=node.head,
        tab=node.tab,
        fields=node.fields,
        options=node.options,
        messages=node.messages,
        names=node.completions,
        item=node.item,
        items=node.items,
        sources=node.sources,
        source=node.source,
        in_view=node.in_view,
        outs=node.outs,
        out=node.out,
        out_view=node.out_view,
        failure=node.failure,
        log=node.log,
        has_run=node.has_run,
        levels=node.levels,
        out_bar=out_bar(
            kept=marks.kept,
            selected=node.selected,
            reasons=marks.reasons,
            handlers={
                "keep": keep.toggle,
                "edit": keep.edit,
                "alone": rerun.alone,
                "up_to": rerun.up_to_here,
                "stale": rerun.stale,
            },
        ),
        handlers={
            "tab": node.open_tab,
            "close": guide.let_go,
            "fix": draft.fix,
            "step": node.step_item,
            "round": node.go_to_round,
            "look": node.look_at,
        },
    )


def _strip() -> rx.Component:
    return run_strip(
        shown=run.show_strip,
        run_id=run.run_id,
        name=run.short,
        status=run.status,
        told=run.told,
        active=run.active,
        started=run.started_at,
        ended=run.ended_at,
        failure=run.failure,
        trial=run.trial,
        has_results=run.results.length() > 0,
        steps={
            "rows": run.rows,
            "rev": run.rows_rev,
            "patch": run.row_patch,
            "patch_seq": run.row_patch_seq,
        },
        selected=node.selected,
        handlers={
            "all": run.start_all,
            "pause": run.pause,
            "resume": run.resume,
            "cancel": run.cancel,
            "results": run.toggle_results,
            "close": run.toggle_strip,
            "step": guide.look_at,
        },
    )


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
                busy=run.active,
                hint=guide.hint,
                on_run=RUN,
            ),
            _strip(),
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
        _bar(),
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
            _inspector(),
            class_name=f"ed-work view-{guide.view}",
        ),
        _dialogs(),
        _feeds(),
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

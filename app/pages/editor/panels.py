"""The parts of the editor's page, each joined to what it shows."""

from typing import Any

import reflex as rx

from app.components.canvas import canvas_feed, focus_feed, status_feed
from app.components.editor import (
    history_dialog,
    inspector,
    keep_dialog,
    out_bar,
    publish_dialog,
    run_menu,
    run_strip,
    share_dialog,
    text_dialog,
    top_bar,
    turn_on_dialog,
)
from app.components.runs import ask_repeats
from app.deciding import Asks
from app.pages.editor.bar import BarState
from app.pages.editor.draft import DraftState
from app.pages.editor.guide import GuideState
from app.pages.editor.inspector import InspectorState
from app.pages.editor.keeping import KeepState
from app.pages.editor.marks import MarksState
from app.pages.editor.rerunning import RerunState
from app.pages.editor.running import RunState

# Vars are typed as the values they hold on the server; on the page they are expressions.
asks: Any = Asks
bar: Any = BarState
draft: Any = DraftState
guide: Any = GuideState
keep: Any = KeepState
marks: Any = MarksState
node: Any = InspectorState
rerun: Any = RerunState
run: Any = RunState

RUN = [guide.started, run.start]


def feeds() -> rx.Component:
    """What the browser's stores are fed with; it shows nothing."""
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


def top() -> rx.Component:
    """The bar over the canvas."""
    return top_bar(
        name=bar.name,
        badge=bar.badge,
        enabled=bar.enabled,
        can_undo=bar.can_undo,
        can_redo=bar.can_redo,
        run=run_menu(
            words=run.run_words,
            busy=run.moving,
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


def dialogs() -> rx.Component:
    """What opens from the bar."""
    close = bar.open_dialog("")
    return rx.fragment(
        ask_repeats(
            repeats=rerun.repeats, whole=False, open=rerun.asked, on_close=rerun.close, on_confirm=rerun.confirm
        ),
        publish_dialog(
            open=bar.dialog == "publish",
            problems=bar.problems,
            found=bar.found,
            version=bar.version,
            writers=bar.writers,
            kept=marks.kept_titles,
            handlers={
                "close": close,
                "note": bar.set_note,
                "publish": bar.publish,
                "look": lambda node_id: [close, guide.look_at(node_id)],
            },
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


def side() -> rx.Component:
    """The inspector."""
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


def strip() -> rx.Component:
    """The run under the canvas."""
    return run_strip(
        shown=run.show_strip,
        run_id=run.run_id,
        name=run.short,
        status=run.status,
        told=run.told,
        active=run.active,
        asks=asks.needs & run.active,
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

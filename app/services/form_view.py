"""A published form as its page shows it to a visitor: fields, what a file holds, how long it takes, the results."""

import csv
import io
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from sqlmodel import Session, col, select

from app.services import files, forms, result_view, run_data, run_view
from app.services.access import Actor, owned
from app.services.errors import NotFound
from app.services.inputs import Input
from app.services.shown import Record, count, size
from app.services.unit import reads
from engine.models import Run

RECENT: Final = 5
SHORTEST_ESTIMATE: Final = 2.0
MOST_COLUMNS_SAID: Final = 4
_TABLES: Final = (".csv", ".tsv", ".txt")


@reads
def page(db: Session, token: str) -> Record:
    """Title, words, fields with their defaults; raises NotFound."""
    form = forms.get_form(db, token)
    actor, workflow = forms.visitor(db, token)
    return {
        "title": form.workflow,
        "workspace": form.workspace,
        "description": form.description,
        "button": form.run_label,
        "takes": _takes(db, actor, workflow.id),
        "fields": [_field(db, token, one) for one in form.inputs],
    }


def _takes(db: Session, actor: Actor, workflow_id: str) -> str:
    """How long the last runs took that were done."""
    runs = db.exec(
        select(Run)
        .where(owned(Run, actor), col(Run.workflow_id) == workflow_id, col(Run.status) == "done")
        .order_by(col(Run.created_at).desc())
        .limit(RECENT)
    ).all()
    took = [(run.finished_at - run.started_at).total_seconds() for run in runs if run.finished_at and run.started_at]
    if not took:
        return ""
    return f"takes about {_long(median(took))}" if median(took) >= SHORTEST_ESTIMATE else "takes a moment"


def _long(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _field(db: Session, token: str, one: Input) -> Record:
    given = one.default
    return {
        "name": one.name,
        "kind": one.kind,
        "label": one.label,
        "help": one.help,
        "required": one.required,
        "text": "" if given is None or isinstance(given, Mapping | list | bool) else str(given),
        "on": given is True,
        "options": [str(option) for option in one.options],
        "columns": [_column(column) for column in one.columns],
        "rows": rows_of(one.columns, given if isinstance(given, list) else []),
        "file": file_facts(db, token, given) if isinstance(given, Mapping) and "$file" in given else NO_FILE,
        "default": dict(given) if isinstance(given, Mapping) else None,
    }


NO_FILE: Final[Record] = {"name": "", "said": "", "rows": 0}


def _column(column: Mapping[str, Any]) -> Record:
    name = str(column.get("name") or "")
    return {
        "name": name,
        "label": str(column.get("label") or name.replace("_", " ").capitalize()),
        "kind": str(column.get("kind") or "text"),
    }


def rows_of(columns: Sequence[Mapping[str, Any]], rows: Sequence[Any]) -> list[Record]:
    """Rows of an editor: each with an id of its own and a cell per column, lists as one entry per line."""
    known = [_column(column) for column in columns]
    shown = []
    for i, row in enumerate(rows):
        values = row if isinstance(row, Mapping) else {}
        cells = [{**column, "value": _lines(values.get(column["name"]))} for column in known]
        shown.append({"id": str(i), "title": str(cells[0]["value"]) if cells else "", "cells": cells})
    return shown


def _lines(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(str(one) for one in value)
    return "" if value is None else str(value)


@reads
def file_facts(db: Session, token: str, reference: Mapping[str, Any]) -> Record:
    """What a file holds: its rows and columns if it is a table of text, else its size."""
    actor, _ = forms.visitor(db, token)
    try:
        content = files.download(db, actor, str(reference.get("$file")))
    except NotFound:
        return NO_FILE
    with content.stream as stream:
        table = _table(stream.read()) if content.name.lower().endswith(_TABLES) else None
    if table is None:
        return {"name": content.name, "said": size(content.size), "rows": 0}
    rows, columns = table
    words = ", ".join(f"“{name}”" for name in columns[:MOST_COLUMNS_SAID])
    more = ", …" if len(columns) > MOST_COLUMNS_SAID else ""
    noun = "column" if len(columns) == 1 else "columns"
    return {"name": content.name, "said": f"{count(rows, 'row')}, {noun} {words}{more}", "rows": rows}


def _table(body: bytes) -> tuple[int, list[str]] | None:
    """Number of rows and the names of the columns; None for what is no table."""
    text = body.decode("utf-8-sig", errors="replace")
    try:
        dialect: Any = csv.Sniffer().sniff(text[:4096], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        lines = csv.reader(io.StringIO(text, newline=""), dialect)
        head = next(lines, [])
        return sum(1 for line in lines if line), [name.strip() for name in head]
    except csv.Error:
        return None


@reads
def progress(db: Session, token: str, run_id: str) -> Record:
    """How the visitor's run is: status, percent, and words; no details of what went wrong inside."""
    actor = forms.visit(db, token, run_id)
    outcome = forms.result(db, token, run_id)
    steps = run_data.steps(db, actor, run_id)
    passed = run_view.progress(steps)
    return {
        "status": outcome.status,
        "seconds": outcome.seconds,
        "error": outcome.error,
        "percent": passed["percent"],
        "left": passed["left"] or passed["items"],
    }


@reads
def results(db: Session, token: str, run_id: str) -> list[Record]:
    """The results of the visitor's run."""
    actor = forms.visit(db, token, run_id)
    return result_view.all_results(
        db, actor, run_id, lambda file: f"/api/v1/forms/{token}/runs/{run_id}/files/{file['$file']}"
    )


@reads
def table_page(db: Session, token: str, run_id: str, node_id: str, *, start: int, only_doubtful: bool) -> Record:
    """Another page of a table among the results; raises NotFound for a node that is no result."""
    actor = forms.visit(db, token, run_id)
    forms.result_items(db, token, run_id, node_id, start=0, stop=0)
    return result_view.table_page(db, actor, run_id, node_id, start=start, only_doubtful=only_doubtful)

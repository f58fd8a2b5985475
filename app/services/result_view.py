"""A run's results as a page shows them: the run page and the form that started it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlmodel import Session

from app.services import run_data, runs, values
from app.services.access import Actor
from app.services.shown import Record
from app.services.unit import reads
from app.services.values import Review

MOST_SCANNED: Final = 50_000
_BARS: Final = "bar_chart"

FileHref = Callable[[Mapping[str, Any]], str]


def signed_in_href(file: Mapping[str, Any]) -> str:
    """Where a signed-in person downloads a file."""
    return f"/api/v1/files/{file['$file']}"


@reads
def all_results(db: Session, actor: Actor, run_id: str, file_href: FileHref = signed_in_href) -> list[Record]:
    """Every Output node's result that is there, tables at their first page."""
    found = [one for one in run_data.results(db, actor, run_id) if one.status == "done"]
    drawing = runs.graph(db, actor, run_id)
    shown = []
    for one in found:
        review = review_of(drawing.nodes[one.node_id].params)
        shown.append(_result(db, actor, run_id, one=one, review=review, file_href=file_href))
    return shown


@reads
def table_page(db: Session, actor: Actor, run_id: str, node_id: str, *, start: int, only_doubtful: bool) -> Record:
    """One page of a result that is a table, of all rows or of those that a person should check."""
    params = runs.graph(db, actor, run_id).nodes[node_id].params
    review, columns = review_of(params), tuple(params.get("columns") or ())
    if only_doubtful:
        rows = doubtful(db, actor, run_id, node_id, review)
        start = min(max(0, start), max(0, len(rows) - 1))
        page: Sequence[Any] = rows[start : start + values.PAGE]
        return values.view(page, start, len(rows), signed_in_href, columns=columns, review=review)
    start = max(0, start)
    items = run_data.items(db, actor, run_id, node_id, start=start, stop=start + values.PAGE)
    return values.view(items.items, items.start, items.total, signed_in_href, columns=columns, review=review)


@reads
def doubtful(db: Session, actor: Actor, run_id: str, node_id: str, review: Review) -> list[Any]:
    """The rows of a table that a person should check, out of the first 50,000."""
    found: list[Any] = []
    for start in range(0, MOST_SCANNED, run_data.LONGEST_PAGE):
        page = run_data.items(db, actor, run_id, node_id, start=start, stop=start + run_data.LONGEST_PAGE)
        found += [item for item in page.items if review.doubts(item)]
        if page.total is None or start + run_data.LONGEST_PAGE >= page.total:
            break
    return found


def review_of(params: Mapping[str, Any]) -> Review:
    """What the Output node says about rows to check."""
    return Review(str(params.get("review_column") or "Confidence"), params.get("review_below"))


def _result(
    db: Session, actor: Actor, run_id: str, *, one: run_data.Result, review: Review, file_href: FileHref
) -> Record:
    items = one.value if one.total is not None else [one.value]
    bars = values.bars(items, one.columns) if one.show == _BARS else []
    kind = _kind(one, bool(bars))
    first = items[: values.PAGE] if kind == "table" else items[:1]
    unsure = doubtful(db, actor, run_id, one.node_id, review) if kind == "table" and review.below is not None else []
    return {
        "node_id": one.node_id,
        "label": one.label,
        "kind": kind,
        "text": values.number(one.value) if kind == "number" else values.text(one.value) if kind == "text" else "",
        "bars": bars,
        "view": values.view(first, 0, one.total, file_href, columns=one.columns, review=review),
        "doubtful": len(unsure),
        "doubtful_text": f"Check these ({len(unsure):,})",
        "only_doubtful": False,
    }


def _kind(one: run_data.Result, has_bars: bool) -> str:
    if isinstance(one.value, Mapping) and "$file" in one.value:
        return "file"
    if has_bars:
        return _BARS
    if one.total is not None and one.show != "json":
        return "table"
    return "number" if values.is_number(one.value) else "text"

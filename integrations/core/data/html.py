"""Extract from HTML, and build HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from engine.contract import BadParams, Multiline, Params, Port, Rows, Select, ShowIf, action
from integrations.core.data.rows import FieldNames, RowsIn
from integrations.core.values import cell_text, check_length, show

Take = Literal["text", "html", "inside", "attribute"]
_ADDRESSES = frozenset({"href", "src", "action", "poster", "data-src"})
_PAGE = '<ul><li><a href="/a">Pen</a> <b>2 €</b></li><li><a href="/b">Ink</a> <b>5 €</b></li></ul>'


class Wanted(BaseModel):
    """One value to take out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=120, description="What the value is called", examples=["price"])
    selector: str = Field(
        default="", description="The CSS selector of the element; none: the block itself", examples=["b.price"]
    )
    take: Annotated[Take, Select(options=get_args(Take), labels=("Text", "HTML", "HTML inside", "Attribute"))] = Field(
        default="text",
        description="Its text, its HTML, the HTML inside it, or one of its attributes",
        examples=["attribute"],
    )
    attribute: str = Field(default="", description="Which attribute", examples=["href"])
    all: bool = Field(default=False, description="Whether to take every such element, as a list", examples=[True])


class ExtractHtml(Params):
    html: Annotated[str, Port(), Multiline()] = Field(
        title="HTML", description="The HTML of the page", examples=[_PAGE]
    )
    within: str = Field(
        title="Repeating block",
        default="",
        description="The CSS selector of a block that repeats; each gives a record. None: one record for the page",
        examples=["li"],
    )
    values: Annotated[list[Wanted], Rows(add="Add value")] = Field(
        description="What to take out",
        examples=[[{"name": "title", "selector": "a"}, {"name": "url", "selector": "a", "take": "attribute"}]],
    )
    base_url: str = Field(
        title="Page address",
        default="",
        description="The address of the page, to make links in it complete",
        examples=["https://example.com/"],
    )


@action(
    "data.extract_html",
    title="Extract from HTML",
    category="text",
    icon="scan",
    cpu=True,
    subtitle="Values by CSS selector",
    keywords=("scrape", "css", "selector", "web page", "parse", "crawl", "links", "table"),
)
def extract_html(params: ExtractHtml) -> dict[str, Any] | list[dict[str, Any]]:
    """Take values out of a web page by CSS selectors: as one record, or as a record for each block that repeats.

    What is not found is empty, or an empty list where all were asked for.

    With a list: each page is read by itself.
    """
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415  a native library

    names = [wanted.name for wanted in params.values]
    for name in names:
        if names.count(name) > 1:
            raise BadParams(f"Two values are called “{name}”.", field="values", hint="Give each a name of its own.")
    page = LexborHTMLParser(params.html)
    if not params.within:
        return {wanted.name: _value(page.root, wanted, params) for wanted in params.values}
    blocks = _found(page.root, params.within, "within")
    return [{wanted.name: _value(block, wanted, params) for wanted in params.values} for block in blocks]


def _found(node: Any, selector: str, field: str) -> list[Any]:
    from selectolax.lexbor import SelectolaxError  # noqa: PLC0415  a native library

    if node is None:
        return []
    try:
        return list(node.css(selector))
    except SelectolaxError as error:
        raise BadParams(
            f"“{show(selector)}” is not a CSS selector.",
            field=field,
            hint="Write h1 for headings, .price for a class, #total for an id, a[href] for links.",
        ) from error


def _value(block: Any, wanted: Wanted, params: ExtractHtml) -> Any:
    nodes = _found(block, wanted.selector, "values") if wanted.selector else [block] if block is not None else []
    if wanted.all:
        return [TAKE[wanted.take](node, wanted, params) for node in nodes]
    return TAKE[wanted.take](nodes[0], wanted, params) if nodes else None


def _attribute(node: Any, wanted: Wanted, params: ExtractHtml) -> str | None:
    name = wanted.attribute.strip().lower() or "href"
    value = node.attributes.get(name)
    if value is None or not params.base_url or name not in _ADDRESSES:
        return str(value) if value is not None else "" if name in node.attributes else None
    try:
        return urljoin(params.base_url, str(value))
    except ValueError:
        return str(value)


TAKE: Mapping[str, Callable[[Any, Wanted, ExtractHtml], str | None]] = {
    "text": lambda node, wanted, params: " ".join(node.text(separator=" ").split()),
    "html": lambda node, wanted, params: node.html or "",
    "inside": lambda node, wanted, params: node.inner_html or "",
    "attribute": _attribute,
}


class BuildHtml(Params):
    rows: RowsIn = Field(description="The rows to show", examples=[[{"name": "Pen", "price": 2}]])
    layout: Annotated[Literal["table", "list", "numbered"], Select(options=("table", "list", "numbered"))] = Field(
        default="table", description="A table, a list with dots, or a list with numbers", examples=["list"]
    )
    columns: FieldNames = Field(
        default_factory=list, description="Which fields to show, in this order; none: all", examples=[["name", "price"]]
    )
    heading: str = Field(default="", description="A heading above it", examples=["Open orders"])
    header: Annotated[bool, ShowIf(field="layout", values=("table",))] = Field(
        title="Column names",
        default=True,
        description="Whether the table begins with the names of its columns",
        examples=[True],
    )
    links: bool = Field(default=True, description="Whether web addresses become links", examples=[True])
    borders: bool = Field(
        title="Lines",
        default=True,
        description="Whether to draw lines and spaces as mails and pages need them",
        examples=[False],
    )


@action(
    "data.build_html",
    title="Build HTML",
    category="text",
    icon="table-2",
    cpu=True,
    subtitle="A table or list from rows",
    keywords=("table", "report", "mail", "email", "render", "list", "web page"),
)
def build_html(params: BuildHtml) -> str:
    """Write rows as an HTML table or list, ready for a mail or a page. Every value is escaped: what is in the rows can
    never become markup.

    With a list: takes it whole. No rows give an empty table or list.
    """
    rows = [row if isinstance(row, Mapping) else {"value": row} for row in params.rows]
    columns = params.columns or list(dict.fromkeys(name for row in rows for name in row))
    heading = f"<h2>{html.escape(params.heading)}</h2>\n" if params.heading else ""
    body = _table(rows, columns, params) if params.layout == "table" else _list(rows, columns, params)
    check_length(sum(map(len, body)), "rows")
    return heading + "\n".join(body) + "\n"


def _table(rows: list[Mapping[str, Any]], columns: list[str], params: BuildHtml) -> list[str]:
    cell = ' style="border:1px solid #ccc;padding:4px 8px;text-align:left"' if params.borders else ""
    lines = ['<table style="border-collapse:collapse">' if params.borders else "<table>"]
    if params.header:
        names = "".join(f"<th{cell}>{html.escape(name)}</th>" for name in columns)
        lines.append(f"<thead><tr>{names}</tr></thead>")
    lines.append("<tbody>")
    for row in rows:
        lines.append("<tr>" + "".join(f"<td{cell}>{_shown(row.get(n), params)}</td>" for n in columns) + "</tr>")
    return [*lines, "</tbody>", "</table>"]


def _list(rows: list[Mapping[str, Any]], columns: list[str], params: BuildHtml) -> list[str]:
    tag = "ol" if params.layout == "numbered" else "ul"
    items = [", ".join(text for name in columns if (text := _shown(row.get(name), params))) for row in rows]
    return [f"<{tag}>", *(f"<li>{item}</li>" for item in items), f"</{tag}>"]


def _shown(value: Any, params: BuildHtml) -> str:
    text = cell_text(value)
    shown = html.escape(text)
    if params.links and text.startswith(("http://", "https://")) and not set(text) & set(" \n\t<>\"'"):
        try:
            urlsplit(text)
        except ValueError:
            return shown
        return f'<a href="{shown}">{shown}</a>'
    return shown.replace("\n", "<br>")

"""Input: what a person, a form, a caller or another workflow hands in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.contract import BadParams, File, Hidden, Params, Rows, Select, ShowIf, Whole, action
from integrations.core.values import blank, kind, number, show

Kind = Literal["text", "long_text", "number", "boolean", "date", "file", "rows", "choice"]


class Column(BaseModel):
    """A column of an input of rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=60, description="The field's name in each row", examples=["name"])
    label: str = Field(default="", max_length=120, description="What the form shows", examples=["Department"])
    kind: Literal["text", "long_text", "number", "boolean", "list"] = Field(
        default="text", description="What stands in it; a list has one entry per line", examples=["text"]
    )
    help: str = Field(default="", max_length=400, description="A hint under the column's name", examples=[""])
    required: bool = Field(default=False, description="Whether every row must fill it", examples=[True])


class Input(Params):
    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,59}$",
        description="The name under which callers hand the value in, in small letters",
        examples=["messages"],
    )
    kind: Annotated[Kind, Select(options=get_args(Kind))] = Field(
        default="text", description="What is handed in", examples=["file"]
    )
    label: str = Field(default="", max_length=120, description="What the form shows", examples=["Messages"])
    help: str = Field(default="", max_length=400, description="A hint beside the field", examples=["CSV, up to 50 MB"])
    required: bool = Field(default=True, description="Whether a run needs it", examples=[True])
    default: Annotated[Any, Whole()] = Field(
        default=None, description="Used when nothing is handed in", examples=["hello"]
    )
    columns: Annotated[list[Column], Rows(add="Add column"), ShowIf(field="kind", values=("rows",))] = Field(
        default_factory=list,
        description="The columns of the rows",
        examples=[[{"name": "name", "label": "Department"}]],
    )
    options: Annotated[list[str], ShowIf(field="kind", values=("choice",))] = Field(
        default_factory=list, description="What can be chosen", examples=[["small", "large"]]
    )
    accept: Annotated[str, ShowIf(field="kind", values=("file",))] = Field(
        default="", description="Which files the form offers", examples=[".csv,text/csv"]
    )
    value: Annotated[Any, Whole(), Hidden()] = Field(
        default=None, description="What this run was handed; filled in by whoever starts it", examples=["hello"]
    )


@action(
    "flow.input",
    title="Input",
    category="flow",
    icon="log-in",
    subtitle="What a run is given",
    keywords=("form", "parameter", "argument", "field", "upload"),
)
def receive(params: Input) -> Any:
    """A value that each run is given: a field of the workflow's form, an input of its REST call.

    What is handed in is checked against the kind and turned into it: a text that spells a number becomes one where a
    number is asked for. Where nothing is handed in, the default stands.

    With a list: rows are a list and go on whole; every other kind takes a single value.
    """
    value = params.default if blank(params.value) else params.value
    if blank(value) or value == []:
        if params.required:
            raise BadParams(
                f"“{params.label or params.name}” is needed, but nothing was handed in.",
                field=params.name,
                hint="Fill it in, or give the Input node a default.",
            )
        return [] if params.kind == "rows" else None
    return KINDS[params.kind](value, params)


def _refuse(params: Input, value: Any, wanted: str) -> BadParams:
    return BadParams(
        f"“{params.label or params.name}” must be {wanted}, but it is {kind(value)}: {show(value)}", field=params.name
    )


def _text(value: Any, params: Input) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _refuse(params, value, "a text")
    return str(value)


def _number(value: Any, params: Input) -> int | float:
    if (found := number(value)) is None:
        raise _refuse(params, value, "a number")
    return found


def _boolean(value: Any, params: Input) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    found = value if isinstance(value, bool) else words.get(str(value).strip().lower())
    if found is None:
        raise _refuse(params, value, "yes or no")
    return found


def _date(value: Any, params: Input) -> str:
    try:
        text = _text(value, params).strip()
        return (date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)).isoformat()
    except ValueError as error:
        raise _refuse(params, value, "a date such as 2026-11-23") from error


def _file(value: Any, params: Input) -> dict[str, Any]:
    try:
        return File.model_validate(value).model_dump(by_alias=True)
    except ValidationError as error:
        raise _refuse(params, value, "an uploaded file") from error


def _choice(value: Any, params: Input) -> str:
    text = _text(value, params)
    if text not in params.options:
        raise _refuse(params, value, "one of " + ", ".join(params.options))
    return text


def _rows(value: Any, params: Input) -> list[dict[str, Any]]:
    rows = value if isinstance(value, list) else [value]
    return [_row(row, i, params) for i, row in enumerate(rows, 1)]


def _row(row: Any, number_: int, params: Input) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise _refuse(params, row, "rows with named columns")
    if not params.columns:
        return dict(row)
    known = {column.name: column for column in params.columns}
    if unknown := [name for name in row if name not in known]:
        raise BadParams(
            f"Row {number_} of “{params.label or params.name}” has no column “{unknown[0]}”.",
            field=params.name,
            hint="The columns are " + ", ".join(known) + ".",
        )
    return {name: _cell(row.get(name), column, number_, params) for name, column in known.items()}


def _cell(value: Any, column: Column, row: int, params: Input) -> Any:
    if column.kind == "list":
        lines = value.splitlines() if isinstance(value, str) else value if isinstance(value, list) else []
        return [str(line).strip() for line in lines if str(line).strip()]
    if blank(value):
        if column.required:
            raise BadParams(
                f"Row {row} of “{params.label or params.name}” leaves “{column.label or column.name}” empty.",
                field=params.name,
                hint="Fill it in or remove the row.",
            )
        return None
    reader = {"number": _number, "boolean": _boolean}.get(column.kind, _text)
    return reader(value, params.model_copy(update={"label": column.label or column.name}))


KINDS: Mapping[str, Callable[[Any, Input], Any]] = {
    "text": _text,
    "long_text": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "file": _file,
    "rows": _rows,
    "choice": _choice,
}

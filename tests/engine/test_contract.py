"""The signature is the declaration: what a node type reads off its function."""

from __future__ import annotations

import pickle
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from engine.contract import (
    BadParams,
    Effect,
    Expression,
    File,
    Log,
    NodeError,
    Params,
    Port,
    RateLimited,
    Table,
    Whole,
    action,
)


class Pick(Params):
    rows: Annotated[Table, Port()] = Field(description="Rows to pick from", examples=[[{"a": 1}]])
    when: Annotated[bool, Expression()] = Field(description="Which rows", examples=["{{ item.a > 1 }}"])
    note: Annotated[Any, Whole()] = Field(default=None, description="Anything", examples=["x"])


@action("test.pick", title="Pick", category="data", icon="filter")
async def pick(params: Pick, log: Log) -> Table:
    """Pick rows."""
    return params.rows


@action("test.many", title="Many", category="data", icon="filter", batch=10)
async def many(params: list[Pick]) -> list[int | NodeError]:
    """Count rows."""
    return [len(p.rows) for p in params]


def test_fields_say_how_lists_meet_them() -> None:
    assert {name: spec.rank for name, spec in pick.fields.items()} == {
        "rows": "list",
        "when": "single",
        "note": "whole",
    }
    assert pick.fields["rows"].port and not pick.fields["when"].port
    assert pick.fields["note"].default is None and not pick.fields["note"].required


def test_services_are_asked_for_by_type() -> None:
    assert pick.services == {"log": Log}


def test_a_batch_declares_one_item() -> None:
    assert many.params is Pick
    assert many.output_schema == {"type": "integer"}


def test_a_first_parameter_without_a_model_is_refused() -> None:
    async def wrong(params: int) -> int:
        return params

    with pytest.raises(TypeError, match="Params"):
        action("test.wrong", title="Wrong", category="data", icon="x")(wrong)


def test_a_batch_may_not_write() -> None:
    async def send(params: list[Pick]) -> list[int]:
        return [0 for _ in params]

    with pytest.raises(TypeError, match="one item at a time"):
        action("test.send", title="Send", category="data", icon="x", batch=5, effect=Effect.write)(send)


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError):
        Pick.model_validate({"rows": [], "when": True, "rowz": []})


def test_errors_cross_a_process_border_whole() -> None:
    for error in (RateLimited("slow down", retry_after=3), BadParams("no", field="x", hint="do y", status=400)):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert vars(copy) == vars(error)
        assert str(copy) == str(error)


def test_a_file_travels_as_a_reference() -> None:
    wire = {"$file": "0" * 64, "name": "a.csv", "media_type": "text/csv", "size": 3}
    assert File.model_validate(wire).model_dump() == wire

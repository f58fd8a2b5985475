"""Validate: does a value fit a JSON Schema?"""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from pydantic import BaseModel, Field

from engine.contract import BadParams, Fired, Multiline, Output, Params, Port, Whole, action
from integrations.core.data.text import load_json
from integrations.core.values import kind, show

MOST_PROBLEMS = 100


class Validate(Params):
    value: Annotated[Any, Port()] = Field(description="The value to check", examples=[{"email": "ada@example.com"}])
    json_schema: Annotated[Any, Whole(), Multiline(rows=8)] = Field(
        title="JSON Schema",
        description="What a good value looks like, as a JSON Schema (draft 2020-12 or what its $schema says)",
        examples=[{"type": "object", "required": ["email"], "properties": {"email": {"format": "email"}}}],
    )


class Problem(BaseModel):
    """One way in which the value does not fit."""

    path: str = Field(description="Where, such as lines.0.price; empty for the value itself")
    message: str = Field(description="What is wrong there")


class Invalid(BaseModel):
    """A value that does not fit, and why."""

    value: Any = Field(description="The value")
    problems: list[Problem] = Field(description="What is wrong with it, at most 100")


@action(
    "data.validate",
    title="Validate",
    category="data",
    icon="clipboard-list",
    outputs=(
        Output("valid", "Valid", "Values that fit"),
        Output("invalid", "Not valid", "Values that do not, each with its problems"),
    ),
    subtitle="Check against a JSON Schema",
    keywords=("json schema", "check", "verify", "format", "required", "quality"),
)
def validate(params: Validate) -> Fired:
    """Send a value to Valid when it fits a JSON Schema, otherwise to Not valid together with what is wrong.

    Formats such as email and date count. Schemas at other addresses are not fetched.

    With a list: each item is checked by itself and dealt out, in order.
    """
    problems = [
        Problem(path=".".join(map(str, error.instance_path)), message=show(error.message, 300))
        for error in islice(_validator(params.json_schema).iter_errors(params.value), MOST_PROBLEMS)
    ]
    return (
        Fired("invalid", Invalid(value=params.value, problems=problems)) if problems else Fired("valid", params.value)
    )


def _validator(given: Any) -> Any:
    import jsonschema_rs  # noqa: PLC0415  a native library

    schema = load_json(given, "json_schema") if isinstance(given, str) else given
    if not isinstance(schema, dict | bool):
        raise BadParams(
            f"A JSON Schema is a record, but this is {kind(schema)}.",
            field="json_schema",
            hint='Write, for example, {"type": "object", "required": ["email"]}.',
        )
    try:
        # The linear engine: a pattern of the schema must not hang on a value.
        return jsonschema_rs.validator_for(
            schema, validate_formats=True, offline=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise BadParams(
            f"This is not a usable JSON Schema: {show(str(getattr(error, 'message', error)).splitlines()[0], 200)}.",
            field="json_schema",
        ) from error

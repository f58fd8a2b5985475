"""JSON path: take values out of nested data (RFC 9535)."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import Field

from engine.contract import BadParams, OutputTooLarge, Params, Port, Whole, action
from integrations.core.values import show

MOST_FOUND = 1_000_000


class JsonPath(Params):
    value: Annotated[Any, Port(), Whole()] = Field(
        description="The data to look in", examples=[{"books": [{"title": "Emma", "price": 8}, {"price": 12}]}]
    )
    path: str = Field(
        min_length=1,
        max_length=2_000,
        description="The path; $ is the data, .. looks at any depth, [?…] asks a condition of each",
        examples=["$.books[?@.price < 10].title"],
    )
    only_first: bool = Field(
        default=False, description="Whether to give the first value found instead of the list", examples=[True]
    )


@action(
    "data.json_path",
    title="JSON path",
    category="data",
    icon="crosshair",
    cpu=True,
    subtitle="Find values at any depth",
    keywords=("jsonpath", "query", "extract", "nested", "search", "filter"),
    time_limit=30,
)
def json_path(params: JsonPath) -> Any:
    """Find all values at a path inside nested data, as the standard for JSON paths (RFC 9535) describes it.

    With a list: takes it whole; `$[*].name` gives the names of all its items. Nothing found is an empty list.
    """
    from jsonpath import JSONPathError  # noqa: PLC0415  heavy

    try:
        found = []
        for match in _environment().compile(params.path).finditer(params.value):
            if params.only_first:
                return match.obj
            found.append(match.obj)
            if len(found) > MOST_FOUND:
                raise OutputTooLarge(
                    f"The path finds more than {MOST_FOUND:,} values.", hint="Write a path that finds fewer."
                )
    except JSONPathError as error:
        raise BadParams(
            f"The path cannot be used: {show(str(error).splitlines()[0], 200)}.",
            field="path",
            hint="Write it like $.orders[*].id or $..name.",
        ) from error
    except (RecursionError, ValueError, TypeError, IndexError) as error:
        raise BadParams("The path cannot be used with this data.", field="path") from error
    return None if params.only_first else found


@cache
def _environment() -> Any:
    """The standard's language, with patterns that cannot hang."""
    import re2  # noqa: PLC0415  a native library
    from jsonpath import JSONPathEnvironment  # noqa: PLC0415  heavy
    from jsonpath.function_extensions import ExpressionType, FilterFunction  # noqa: PLC0415

    options = re2.Options()
    options.log_errors = False

    class Fits(FilterFunction):
        """`match` and `search` of the standard, by RE2 instead of a backtracking engine."""

        arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]
        return_type = ExpressionType.LOGICAL

        def __init__(self, method: str) -> None:
            self.method = method

        def __call__(self, value: object, pattern: object) -> bool:
            if not isinstance(value, str) or not isinstance(pattern, str):
                return False
            try:
                return getattr(re2.compile(pattern, options), self.method)(value) is not None
            except re2.error:
                return False

    environment = JSONPathEnvironment(strict=True)
    environment.function_extensions |= {"match": Fits("fullmatch"), "search": Fits("search")}
    return environment

"""Number: read, round, limit and write numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import BadParams, Params, Port, Select, ShowIf, action
from integrations.core.values import kind, number, show

Operation = Literal[
    "read", "round", "limit", "absolute", "remainder", "power", "root", "percent_of", "change", "format", "is_number"
]
Direction = Literal["nearest", "up", "down", "toward_zero", "half_even"]


class Number(Params):
    value: Annotated[Any, Port()] = Field(description="The number, or a text that holds one", examples=["1,234.50 €"])
    operation: Annotated[
        Operation,
        Select(
            options=get_args(Operation),
            labels=(
                "Read from text",
                "Round",
                "Keep within limits",
                "Absolute value",
                "Remainder of a division",
                "Power",
                "Root",
                "Percent of",
                "Change in percent",
                "Format as text",
                "Is it a number?",
            ),
        ),
    ] = Field(
        default="round",
        description="What to do with it",
        examples=["round"],
    )
    digits: Annotated[int, ShowIf(field="operation", values=("round", "format"))] = Field(
        default=0, ge=-15, le=15, description="Digits after the point; -2 rounds to hundreds", examples=[2]
    )
    direction: Annotated[
        Direction,
        Select(
            options=get_args(Direction),
            labels=("To the nearest", "Up", "Down", "Toward zero", "To the nearest, halves to even"),
        ),
        ShowIf(field="operation", values=("round", "format")),
    ] = Field(
        title="Round",
        default="nearest",
        description="Which way to round; halves go away from zero, as in a spreadsheet",
        examples=["down"],
    )
    other: Annotated[
        int | float, Port(), ShowIf(field="operation", values=("remainder", "power", "root", "percent_of", "change"))
    ] = Field(
        title="Second number",
        default=2,
        description="The second number: the divisor, the exponent, the whole, what it was",
        examples=[7],
    )
    lowest: Annotated[int | float | None, ShowIf(field="operation", values=("limit",))] = Field(
        default=None, description="Not below this", examples=[0]
    )
    highest: Annotated[int | float | None, ShowIf(field="operation", values=("limit",))] = Field(
        default=None, description="Not above this", examples=[100]
    )
    decimal_mark: Annotated[
        Literal[".", ","], Select(options=(".", ",")), ShowIf(field="operation", values=("read", "format"))
    ] = Field(default=".", description="What stands before the decimals: 1,234.5 or 1.234,5", examples=[","])
    before: Annotated[str, ShowIf(field="operation", values=("format",))] = Field(
        title="Text before", default="", description="What stands before the number", examples=["$"]
    )
    after: Annotated[str, ShowIf(field="operation", values=("format",))] = Field(
        title="Text after", default="", description="What stands after the number", examples=[" €"]
    )


@action(
    "data.number",
    title="Number",
    category="dates",
    icon="hash",
    subtitle="Round, read, limit, format",
    keywords=("math", "round", "floor", "ceil", "abs", "modulo", "percent", "currency", "parse", "clamp", "sqrt"),
)
def change_number(params: Number) -> int | float | str | bool:
    """Work with one number: round it, read it out of a text, keep it within limits, or write it as people do.

    Rounding is exact in decimals: 2.675 to two digits is 2.68. For sums of many numbers use Statistics or Group and
    summarize, for formulas Calculate.

    With a list: each number is worked on by itself.
    """
    if params.operation == "is_number":
        return number(params.value) is not None
    if params.operation == "read":
        return _read(params)
    try:
        result: int | float | str = finite(OPERATIONS[params.operation](_needed(params.value), params))
        return result
    except ZeroDivisionError as error:
        raise BadParams("A number cannot be divided by 0.", field="other") from error
    except (OverflowError, InvalidOperation) as error:
        raise BadParams("The result is too large for a number.", field="other") from error


def finite(value: Any) -> Any:
    """The value; raises `BadParams` for what JSON has no number for."""
    if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        raise BadParams("The result is no number.", field="value", hint="Check for roots of negative numbers.")
    return value


def _needed(value: Any) -> int | float:
    if (found := number(value)) is None:
        raise BadParams(
            f"A number is needed, but the value is {show(value)!r}." if value is not None else "The number is empty.",
            field="value",
            hint="Use the operation Read first, if the text holds more than the number.",
        )
    return found


def _read(params: Number) -> int | float:
    if isinstance(params.value, int | float) and not isinstance(params.value, bool):
        return _needed(params.value)
    if not isinstance(params.value, str):
        raise BadParams(f"A text or number is needed, but the value is {kind(params.value)}.", field="value")
    thousands = "," if params.decimal_mark == "." else "."
    marks = dict.fromkeys(map(ord, f"{thousands}'\u2019\u00a0\u202f _"))
    text = params.value.replace("\u2212", "-").translate(marks).replace(params.decimal_mark, ".")
    starts = [i for i, c in enumerate(text) if c.isascii() and c.isdigit()]
    if not starts:
        raise BadParams(f"There is no number in “{show(params.value)}”.", field="value")
    first, last = starts[0], starts[-1]
    if first and text[first - 1] == ".":
        first -= 1
    sign = "-" if "-" in text[:first] or text.strip().startswith("(") else ""
    if (found := number(sign + text[first : last + 1])) is None:
        raise BadParams(
            f"There is more than one number in “{show(params.value)}”.",
            field="value",
            hint="Take out the part with Regular expression first.",
        )
    return found


_ROUNDING: Mapping[str, str] = {
    "nearest": ROUND_HALF_UP,
    "up": ROUND_CEILING,
    "down": ROUND_FLOOR,
    "toward_zero": ROUND_DOWN,
    "half_even": ROUND_HALF_EVEN,
}


def _rounded(value: int | float, params: Number) -> Decimal:
    exact = Decimal(str(value))
    if abs(exact) >= 10**15 and params.digits >= 0:  # a number of this size has no decimals left
        return exact
    return exact.quantize(Decimal(1).scaleb(-params.digits), rounding=_ROUNDING[params.direction])


def _round(value: int | float, params: Number) -> int | float:
    if isinstance(value, float) and abs(value) >= 1e15 and params.digits >= 0:
        return value
    rounded = _rounded(value, params)
    return int(rounded) if params.digits <= 0 or isinstance(value, int) else float(rounded)


def _limit(value: int | float, params: Number) -> int | float:
    if params.lowest is not None and params.highest is not None and params.lowest > params.highest:
        raise BadParams("The lowest number is above the highest.", field="lowest")
    if params.lowest is not None and value < params.lowest:
        return params.lowest
    return params.highest if params.highest is not None and value > params.highest else value


def _power(value: int | float, params: Number) -> Any:
    if isinstance(value, int) and isinstance(params.other, int) and 0 <= params.other <= 64 and abs(value) < 1e15:
        return value**params.other
    return float(value) ** params.other


def _root(value: int | float, params: Number) -> float:
    if value < 0 or params.other <= 0:
        raise BadParams("A root needs a number of 0 or more.", field="value")
    return math.sqrt(value) if params.other == 2 else float(value) ** (1 / params.other)


def _change(value: int | float, params: Number) -> float:
    return (value - params.other) / abs(params.other) * 100


def _format(value: int | float, params: Number) -> str:
    digits = max(0, params.digits)
    text = f"{_rounded(value, params):,.{digits}f}"
    if params.decimal_mark == ",":
        text = text.translate({ord(","): ".", ord("."): ","})
    return f"{'-' if text.startswith('-') else ''}{params.before}{text.removeprefix('-')}{params.after}"


OPERATIONS: Mapping[str, Callable[[int | float, Number], Any]] = {
    "round": _round,
    "limit": _limit,
    "absolute": lambda value, _: abs(value),
    "remainder": lambda value, params: value % params.other,
    "power": _power,
    "root": _root,
    "percent_of": lambda value, params: value / params.other * 100,
    "change": _change,
    "format": _format,
}

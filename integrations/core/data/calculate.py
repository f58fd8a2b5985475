"""Calculate: a formula over the fields of a record."""

from __future__ import annotations

import ast
import math
import operator
import statistics
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field

from engine.contract import BadParams, Params, Port, action
from integrations.core.data.numbers import finite
from integrations.core.values import kind, number, record, show, slug

LARGEST_WHOLE = 10**30


class Calculate(Params):
    record: Annotated[Any, Port()] = Field(
        default_factory=dict,
        description="The record whose fields the formula speaks of",
        examples=[{"price": 12.5, "quantity": 3}],
    )
    formula: str = Field(
        min_length=1,
        max_length=2_000,
        description="The formula: + - * / % ^, comparisons, a if b else c, and functions such as round, min, sqrt",
        examples=["round(price * quantity * 1.19, 2)"],
    )
    name: str = Field(
        title="Save as field",
        default="",
        description="To get the record with the result in it: what the field is called. Empty: the result alone",
        examples=["total"],
    )


@action(
    "data.calculate",
    title="Calculate",
    category="dates",
    icon="calculator",
    subtitle="A formula over fields",
    keywords=("math", "formula", "expression", "arithmetic", "sum", "sqrt", "log", "sin"),
)
def calculate(params: Calculate) -> Any:
    """Work out a formula in which the fields of a record stand by their names.

    A text that spells a number counts as one. A field of a record inside the record is written customer.discount; a
    name with spaces is written with underscores. Functions: abs, round, floor, ceil, sqrt, exp, log, log10, sin, cos,
    tan, min, max, sum, average, median, count.

    With a list: each record is worked on by itself.
    """
    given = record(params.record, "record")
    result = finite(_evaluated(params.formula, given))
    if not isinstance(result, int | float | str | list | dict | None):
        raise BadParams("The formula gives no number.", field="formula", hint="A function needs parentheses: sqrt(x).")
    return {**given, params.name: result} if params.name else result


def _evaluated(formula: str, given: Mapping[str, Any]) -> Any:
    from simpleeval import InvalidExpression, NameNotDefined, SimpleEval  # noqa: PLC0415

    names = {slug(name): _operand(value) for name, value in given.items()}
    names |= {name: _operand(value) for name, value in given.items()}
    evaluator = SimpleEval(operators=OPERATORS, functions=dict(FUNCTIONS), names=dict(CONSTANTS) | names)
    evaluator.nodes = {kind_: run for kind_, run in evaluator.nodes.items() if kind_ in _GRAMMAR}
    evaluator.nodes[ast.Attribute] = lambda node: _field(evaluator._eval(node.value), node.attr)
    try:
        return evaluator.eval(formula, _parsed(formula))
    except NameNotDefined as error:
        raise BadParams(
            f"The formula speaks of “{show(error.name)}”, which the record does not have.",
            field="formula",
            hint=f"The fields are: {show(', '.join(map(str, given)) or 'none', 200)}.",
        ) from error
    except ZeroDivisionError as error:
        raise BadParams("The formula divides by 0.", field="formula", hint="Write: a / b if b else 0.") from error
    except (OverflowError, MemoryError) as error:
        raise BadParams("The result is too large for a number.", field="formula") from error
    except InvalidExpression as error:
        raise BadParams(f"The formula cannot be worked out: {show(str(error), 200)}.", field="formula") from error
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise BadParams(
            f"The formula cannot be worked out: {show(str(error), 200)}.",
            field="formula",
            hint="Check that every field in it is a number.",
        ) from error


@lru_cache(maxsize=256)
def _parsed(formula: str) -> ast.AST:
    """The formula's tree, with ^ for powers as in spreadsheets. Raises `BadParams`."""
    try:
        return ast.parse(formula.strip().removeprefix("=").strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f" at character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise BadParams(
            f"The formula is not complete{place}.", field="formula", hint="Write it like price * quantity + 5."
        ) from error


def _operand(value: Any) -> Any:
    if isinstance(value, list):
        return [_operand(inner) for inner in value]
    found = number(value)
    return value if found is None else found


def _field(value: Any, name: str) -> Any:
    if isinstance(value, Mapping) and name in value:
        return _operand(value[name])
    raise BadParams(
        f"The formula asks {kind(value)} for its field “{show(name)}”.",
        field="formula",
        hint="Only records have fields, and this one must have that name.",
    )


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and 0 <= exponent <= 64 and abs(base) < 1e15:
        return base**exponent
    return float(base) ** float(exponent)


def _times(first: Any, second: Any) -> Any:
    """Numbers only: a text or list times a number would grow without end."""
    return _bounded(operator.mul, first, second)


def _bounded(function: Callable[[Any, Any], Any], first: Any, second: Any) -> Any:
    for value in (first, second):
        if not isinstance(value, int | float):
            raise TypeError(f"{show(value)!r} is not a number")
        if abs(value) > LARGEST_WHOLE and isinstance(value, int):
            return function(float(first), float(second))
    return function(first, second)


def _all_numbers(function: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    """A function of several numbers, or of one list of them."""

    def of(*values: Any) -> Any:
        numbers = values[0] if len(values) == 1 and isinstance(values[0], list) else list(values)
        return function([value for value in numbers if value is not None and value != ""])

    return of


def _round(value: float, digits: int = 0) -> int | float:
    """Halves away from zero, as in a spreadsheet."""
    from decimal import ROUND_HALF_UP, Decimal  # noqa: PLC0415

    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-int(digits)), rounding=ROUND_HALF_UP)
    return int(rounded) if digits <= 0 else float(rounded)


_GRAMMAR = frozenset({ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Name, ast.Constant})
CONSTANTS: Mapping[str, Any] = {"pi": math.pi, "e": math.e, "true": True, "false": False, "null": None}
OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Add: lambda a, b: _bounded(operator.add, a, b),
    ast.Sub: lambda a, b: _bounded(operator.sub, a, b),
    ast.Mult: _times,
    ast.Div: lambda a, b: _bounded(operator.truediv, a, b),
    ast.FloorDiv: lambda a, b: _bounded(operator.floordiv, a, b),
    ast.Mod: lambda a, b: _bounded(operator.mod, a, b),
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "round": _round,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "min": _all_numbers(lambda numbers: min(numbers, default=None)),
    "max": _all_numbers(lambda numbers: max(numbers, default=None)),
    "sum": _all_numbers(math.fsum),
    "average": _all_numbers(lambda numbers: statistics.fmean(numbers) if numbers else None),
    "median": _all_numbers(lambda numbers: statistics.median(numbers) if numbers else None),
    "count": _all_numbers(len),
}

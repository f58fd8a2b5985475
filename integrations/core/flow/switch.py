"""Switch: which way a value goes, by what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from engine.contract import Expression, Fired, Output, Params, Port, Rows, Whole, action
from integrations.core.flow.branches import OTHERWISE, named
from integrations.core.values import identity, number


class Case(BaseModel):
    """One way out of a switch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    equals: Annotated[Any, Whole()] = Field(
        description="The value of this case; a list of values means any of them", examples=["paid"]
    )
    name: str = Field(
        default="", max_length=60, description="The name of this output; none: the value itself", examples=["Paid"]
    )


class Switch(Params):
    value: Annotated[Any, Port()] = Field(description="What is sent on", examples=[{"id": 7, "status": "paid"}])
    by: Annotated[Any, Expression()] = Field(
        description="What is compared with the cases; `value` is the value above", examples=["{{ value.status }}"]
    )
    cases: Annotated[list[Case], Rows(add="Add case")] = Field(
        description="The outputs, each with its value; the first that is equal takes it",
        examples=[[{"equals": "paid"}, {"equals": ["open", "late"], "name": "Unpaid"}]],
    )
    exact: bool = Field(
        default=False,
        description="Tell small letters from capitals, and the text 5 from the number 5",
        examples=[True],
    )


def _names(params: Any) -> Iterator[str]:
    cases = params.get("cases") if isinstance(params, Mapping) else params.cases
    for case in cases if isinstance(cases, list | tuple) else ():
        name, equals = (
            (case.get("name"), case.get("equals"))
            if isinstance(case, Mapping)
            else (getattr(case, "name", None), getattr(case, "equals", None))
        )
        first = equals[0] if isinstance(equals, list) and equals else equals
        yield str(name or (first if first not in (None, "") else "empty"))[:60]


def _outputs(params: Any) -> list[Output]:
    return named(_names(params))


@action(
    "flow.switch",
    title="Switch",
    category="flow",
    icon="git-fork",
    outputs=_outputs,
    subtitle="Several ways, by value",
    keywords=("case", "branch", "router", "choice", "match"),
)
def switch(params: Switch) -> Fired:
    """Send the value to the output of the case that it equals, by its status, say, or its country.

    What equals no case leaves through Otherwise. Texts are equal whatever their case and the spaces around them, and a
    text that spells a number equals that number, unless the comparison is exact. An output's name in templates is the
    case's name in small letters with underscores: `{{ switch.paid }}`. For conditions, use a Router.

    With a list: each item is dealt to its output by itself, in order. An output that was dealt nothing does not fire.
    """
    wanted = _even(params.by, params.exact)
    outputs = _outputs(params)
    for case, output in zip(params.cases, outputs, strict=False):
        choices = case.equals if isinstance(case.equals, list) else [case.equals]
        if any(_even(choice, params.exact) == wanted for choice in choices):
            return Fired(output.name, params.value)
    return Fired(OTHERWISE.name, params.value)


def _even(value: Any, exact: bool) -> Any:
    """Equal for values that count as equal."""
    if exact or not isinstance(value, str):
        return identity(value)
    spelled = number(value)
    return identity(value.strip().casefold() if spelled is None else spelled)

"""If and Router: which way a value goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.contract import Expression, Fired, Output, Params, Port, Rows, action
from integrations.core.values import slug, truth

OTHERWISE = Output("otherwise", "Otherwise", "Values that no rule took", passes="value")


class If(Params):
    value: Annotated[Any, Port()] = Field(description="What goes on to Yes or No", examples=[{"amount": 42}])
    when: Annotated[Any, Expression()] = Field(
        description="The condition; `value` is the value above", examples=["{{ value.amount > 10 }}"]
    )


@action(
    "flow.if",
    title="If",
    category="flow",
    icon="split",
    outputs=(
        Output("yes", "Yes", "The condition holds", passes="value"),
        Output("no", "No", "It does not", passes="value"),
    ),
    subtitle="Yes or no",
    keywords=("condition", "branch", "else"),
)
def branch(params: If) -> Fired:
    """Send the value to Yes when the condition holds, otherwise to No.

    Empty, 0 and the words false, no and off count as no.

    With a list: each item is asked by itself and dealt out to Yes or No, in order. An output that was dealt nothing
    does not fire, and what hangs on it alone is skipped.
    """
    return Fired("yes" if truth(params.when) else "no", params.value)


class Rule(BaseModel):
    """One way out of a router."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=60, description="The name of this output", examples=["Urgent"])
    when: Annotated[Any, Expression()] = Field(
        description="The condition; `value` is the value that is routed", examples=["{{ value.urgent }}"]
    )


class Router(Params):
    value: Annotated[Any, Port()] = Field(description="What is sent on", examples=[{"urgent": True}])
    rules: Annotated[list[Rule], Rows(add="Add rule")] = Field(
        description="The outputs, each with its condition, asked from top to bottom",
        examples=[[{"name": "Urgent", "when": "{{ value.urgent }}"}]],
    )
    match: Literal["first", "all"] = Field(
        default="first",
        description="Send the value to the first rule that holds, or to all that hold",
        examples=["first"],
    )


def _names(params: Any) -> Iterator[str]:
    rules = params.get("rules") if isinstance(params, Mapping) else params.rules
    for rule in rules if isinstance(rules, list | tuple) else ():
        yield str((rule.get("name") if isinstance(rule, Mapping) else getattr(rule, "name", None)) or "rule")


def _outputs(params: Any) -> list[Output]:
    """One output per rule under a name that templates can use, then Otherwise."""
    return named(_names(params))


def named(names: Iterable[str]) -> list[Output]:
    """An output for each name, under a name that templates can use, then Otherwise. Doubles get a number."""
    seen = {OTHERWISE.name: 1}
    outputs = []
    for name in names:
        key = slug(name)
        seen[key] = seen.get(key, 0) + 1
        outputs.append(Output(key if seen[key] == 1 else f"{key}_{seen[key]}", name, passes="value"))
    return [*outputs, OTHERWISE]


@action(
    "flow.router",
    title="Router",
    category="flow",
    icon="route",
    outputs=_outputs,
    subtitle="Several ways, by rules",
    keywords=("switch", "branch", "rules", "case"),
)
def router(params: Router) -> tuple[Fired, ...]:
    """Send the value to the output of the first rule that holds, or of every rule that holds.

    What no rule takes leaves through Otherwise. An output's name in templates is the rule's name in small letters with
    underscores: `{{ router.big_orders }}`.

    With a list: each item is routed by itself and dealt out, in order. An output that was dealt nothing does not fire.
    """
    held = [i for i, rule in enumerate(params.rules) if truth(rule.when)]
    if params.match == "first":
        held = held[:1]
    outputs = _outputs(params)
    return tuple(Fired(outputs[i].name, params.value) for i in held) or (Fired(OTHERWISE.name, params.value),)

"""Named values: count, remember, recall, forget."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from engine.contract import Effect, Params, Port, Scope, Select, Store, Whole, action

Name = Annotated[str, Field(min_length=1, max_length=120, description="The value's name", examples=["last_order"])]
Owner = Annotated[
    Scope,
    Select(options=("workflow", "workspace")),
    Field(description="Whose value it is: this workflow's own, or shared by the workspace", examples=["workflow"]),
]


class Count(Params):
    name: str = Field(min_length=1, max_length=120, description="The counter's name", examples=["invoice_number"])
    value: Annotated[Any, Port()] = Field(
        default=None,
        description="What is counted: a list here counts once for each item. What the items are does not matter",
        examples=[{"id": 7}],
    )
    by: Annotated[int | float, Port()] = Field(default=1, description="How much to add; may be negative", examples=[1])
    start: int | float = Field(default=0, description="What it holds before the first time", examples=[1000])
    scope: Owner = "workflow"


@action(
    "data.counter",
    title="Counter",
    category="values",
    icon="hash",
    effect=Effect.write,
    honors_idempotency=True,
    subtitle="A number that grows from run to run",
    keywords=("increment", "sequence", "number", "count", "stored", "static data"),
)
async def counter(params: Count, store: Store) -> int | float:
    """Add to a number that is kept from run to run, and give the new number: the next invoice's number, say.

    Runs that count at the same moment each get a number of their own. A step that is repeated after a crash does not
    count twice. Trial runs of a draft count for themselves. The workflow's stored values show the number, and a person
    can set it.

    With a list: counts once for each item, and gives the numbers in the order of the items.
    """
    return await store.increment(params.name, params.by, start=params.start, scope=params.scope)


class Remember(Params):
    name: Name
    value: Annotated[Any, Port(), Whole()] = Field(
        description="What to remember, up to 256 kB as JSON; it is also the output", examples=[{"id": 7}]
    )
    scope: Owner = "workflow"


@action(
    "data.remember",
    title="Remember",
    category="values",
    icon="save",
    effect=Effect.write,
    honors_idempotency=True,
    subtitle="Keep a value for later runs",
    keywords=("store", "set", "variable", "state", "memory", "static data", "cursor"),
)
async def remember(params: Remember, store: Store) -> Any:
    """Keep a value under a name, for later runs of this workflow or of the whole workspace. It takes the place of what
    was there, and goes on as the output.

    Trial runs of a draft have values of their own.

    With a list: keeps the list whole, as one value.
    """
    await store.set(params.name, params.value, scope=params.scope)
    return params.value


class Recall(Params):
    name: Name
    default: Annotated[Any, Port(), Whole()] = Field(
        default=None, description="What goes on when nothing is stored", examples=["2026-01-01"]
    )
    scope: Owner = "workflow"


@action(
    "data.recall",
    title="Recall",
    category="values",
    icon="history",
    effect=Effect.read,
    subtitle="A value kept by an earlier run",
    keywords=("get", "load", "variable", "state", "memory", "static data", "cursor"),
)
async def recall(params: Recall, store: Store) -> Any:
    """Give the value that was remembered under a name, or the default when there is none.

    To read what the same run has just stored, let this step come after the one that stores it.

    With a list: a stored list comes back whole; a list of names recalls each.
    """
    found = await store.get(params.name, scope=params.scope)
    return params.default if found is None else found.value


class Forget(Params):
    name: Name
    scope: Owner = "workflow"


class Forgotten(BaseModel):
    """Whether there was anything to forget."""

    name: str = Field(description="The value's name")
    forgotten: bool = Field(description="Whether there was such a value")


@action(
    "data.forget",
    title="Forget",
    category="values",
    icon="trash-2",
    effect=Effect.write,
    honors_idempotency=True,
    subtitle="Remove a stored value",
    keywords=("delete", "clear", "reset", "variable", "state", "memory"),
)
async def forget(params: Forget, store: Store) -> Forgotten:
    """Remove a stored value, a counter, or the items that Only new items has seen under this name.

    With a list: a list of names forgets each of them.
    """
    return Forgotten(name=params.name, forgotten=await store.delete(params.name, scope=params.scope))

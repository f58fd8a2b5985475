"""Only new items: what no earlier run has seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from engine.contract import BadParams, Effect, Fired, Output, Params, Port, Scope, Select, Store, action
from integrations.core.values import blank, pick

NEW = Output("new", "New", "Items that no earlier run has seen")
SEEN = Output("seen", "Seen before", "Items that an earlier run has seen, or that came twice in this list")


class OnlyNew(Params):
    rows: Annotated[list[Any], Port()] = Field(
        description="The items to look through", examples=[[{"id": 1}, {"id": 2}]]
    )
    by: list[str] = Field(
        default_factory=list,
        description="Items with equal values in these fields are the same item; none: the whole item counts",
        examples=[["id"]],
    )
    name: str = Field(
        default="seen",
        min_length=1,
        max_length=120,
        description="The name of the list of seen items; several steps with one name share it",
        examples=["orders"],
    )
    keep: int = Field(
        default=10_000, ge=1, le=100_000, description="How many items to remember, those seen last", examples=[10_000]
    )
    days: float | None = Field(
        default=None,
        gt=0,
        le=36_500,
        description="Forget an item that was not seen for so many days; none: only the number above counts",
        examples=[90],
    )
    scope: Annotated[Scope, Select(options=("workflow", "workspace"))] = Field(
        default="workflow",
        description="Whose list it is: this workflow's own, or shared by the workspace",
        examples=["workflow"],
    )


@action(
    "data.only_new",
    title="Only new items",
    category="values",
    icon="sparkles",
    outputs=(NEW, SEEN),
    effect=Effect.write,
    honors_idempotency=True,
    subtitle="What no earlier run has seen",
    keywords=("deduplicate", "dedupe", "remove duplicates", "since last run", "polling", "unseen", "changed"),
)
async def only_new(params: OnlyNew, store: Store) -> tuple[Fired, ...]:
    """Let only those items on that no earlier run has seen. The others leave through Seen before.

    An item counts as seen once this step is done, also if a later step fails: retry the failed items of that run then.
    Repeated after a crash, the step gives the same items again. To be told of changes as well, choose the fields that
    change. An output without items does not fire, so that nothing runs when there is nothing new.

    With a list: takes it whole; both outputs keep the order.
    """
    keys = [_key(item, i, params.by) for i, item in enumerate(params.rows, 1)]
    fresh = await store.add_if_new(params.name, keys, keep=params.keep, days=params.days, scope=params.scope)
    new: list[Any] = []
    seen: list[Any] = []
    taken: set[str] = set()
    for item, key, is_fresh in zip(params.rows, keys, fresh, strict=True):
        (new if is_fresh and key not in taken else seen).append(item)
        taken.add(key)
    return tuple(Fired(output.name, items) for output, items in ((NEW, new), (SEEN, seen)) if items)


def _key(item: Any, number: int, by: list[str]) -> str:
    """Equal for equal items, in any run: JSON with sorted keys, in which 1.0 is 1."""
    if not by:
        return json.dumps(_even(item), sort_keys=True)
    values = [pick(item, path) for path in by]
    if all(blank(value) for value in values):
        named = " and ".join(f"“{path}”" for path in by)
        raise BadParams(
            f"Item {number} has nothing in {named}, so it cannot be told from others.",
            field="by",
            hint="Choose a field that every item has, or filter out the items without it before.",
        )
    return json.dumps(_even(values), sort_keys=True)


def _even(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _even(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_even(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value

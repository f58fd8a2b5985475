"""Make an ID, and Random: values that nobody can foresee, and that stay the same when a step is repeated."""

from __future__ import annotations

import string
import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import BadParams, Chance, Params, Port, RunInfo, Select, ShowIf, Whole, action
from integrations.core.values import kind, record

Kind = Literal["uuid7", "uuid4", "nanoid", "short", "number"]
NANOID = f"{string.ascii_letters}{string.digits}_-"
# Without what people mistake for each other: 0 O o, 1 I l i.
READABLE = "".join(c for c in string.ascii_uppercase + string.digits if c not in "0O1IL")


class MakeId(Params):
    kind: Annotated[
        Kind,
        Select(
            options=get_args(Kind),
            labels=("UUID 7, sorted by time", "UUID 4, only random", "Nano ID", "Short code", "Number"),
        ),
    ] = Field(
        default="uuid7",
        description="What kind of ID; a Nano ID is short, for addresses, a short code easy to read out",
        examples=["nanoid"],
    )
    length: Annotated[int, ShowIf(field="kind", values=("nanoid", "short", "number"))] = Field(
        default=21, ge=1, le=256, description="How many characters; shorter ones can come twice", examples=[10]
    )
    prefix: str = Field(default="", max_length=200, description="What stands before it", examples=["order_"])
    record: Annotated[Any, Port()] = Field(
        title="Put into record",
        default=None,
        description="A record to put the ID into; empty: the ID alone",
        examples=[{"name": "Ada"}],
    )
    name: str = Field(
        title="Field name",
        default="id",
        min_length=1,
        description="What the field in the record is called",
        examples=["id"],
    )


@action(
    "data.make_id",
    title="Make an ID",
    category="dates",
    icon="fingerprint",
    subtitle="UUID, Nano ID, short code",
    keywords=("uuid", "guid", "nanoid", "identifier", "unique", "token", "code", "random", "key"),
)
def make_id(params: MakeId, chance: Chance, run: RunInfo) -> Any:
    """Make an ID that nobody has and nobody can guess: alone, or as a field of a record.

    A step that is repeated after a crash makes the same IDs again.

    With a list: each record gets an ID of its own.
    """
    made = params.prefix + KINDS[params.kind](params, chance, run)
    return made if params.record is None else {**record(params.record, "record"), params.name: made}


def _uuid7(params: MakeId, chance: Chance, run: RunInfo) -> str:
    """RFC 9562, section 5.7: 48 bits of milliseconds, then random ones. The time is that of the step."""
    milliseconds = int(run.now.timestamp() * 1000)
    value = milliseconds << 80 | 0x7 << 76 | chance.getrandbits(12) << 64 | 0b10 << 62 | chance.getrandbits(62)
    return str(uuid.UUID(int=value))


def _from(alphabet: str) -> Callable[[MakeId, Chance, RunInfo], str]:
    return lambda params, chance, run: "".join(chance.choices(alphabet, k=params.length))


KINDS: Mapping[str, Callable[[MakeId, Chance, RunInfo], str]] = {
    "uuid7": _uuid7,
    "uuid4": lambda params, chance, run: str(uuid.UUID(bytes=chance.randbytes(16), version=4)),
    "nanoid": _from(NANOID),
    "short": _from(READABLE),
    "number": _from(string.digits),
}

Draw = Literal["number", "decimal", "yes_or_no", "pick", "sample", "shuffle"]


class Random(Params):
    draw: Annotated[
        Draw,
        Select(
            options=get_args(Draw),
            labels=(
                "Whole number",
                "Decimal number",
                "Yes or no",
                "Pick one item",
                "Pick several items",
                "Shuffle all items",
            ),
        ),
    ] = Field(
        default="number",
        description="What to draw",
        examples=["pick"],
    )
    lowest: Annotated[int | float, ShowIf(field="draw", values=("number", "decimal"))] = Field(
        default=1, description="The smallest number that can come", examples=[1]
    )
    highest: Annotated[int | float, ShowIf(field="draw", values=("number", "decimal"))] = Field(
        default=100, description="The largest number that can come", examples=[6]
    )
    items: Annotated[Any, Port(), Whole(), ShowIf(field="draw", values=("pick", "sample", "shuffle"))] = Field(
        default=None, description="The list to draw from", examples=[["red", "green", "blue"]]
    )
    count: Annotated[int, ShowIf(field="draw", values=("sample",))] = Field(
        default=1, ge=0, description="How many items to draw; none comes twice", examples=[2]
    )


@action(
    "data.random",
    title="Random",
    category="dates",
    icon="shuffle",
    subtitle="Number, pick, shuffle, sample",
    keywords=("dice", "lottery", "choice", "shuffle", "sample", "pick", "chance", "coin"),
)
def random_value(params: Random, chance: Chance) -> Any:
    """Draw a random number, or random items of a list.

    A step that is repeated after a crash draws the same again. A sample is in random order; if it asks for more items
    than there are, it has them all.

    With a list: takes it whole. Picking from an empty list gives nothing.
    """
    if params.draw in ("number", "decimal") and params.lowest > params.highest:
        raise BadParams("The lowest number is above the highest.", field="lowest", hint="Swap the two.")
    return DRAWS[params.draw](params, chance)


def _number(params: Random, chance: Chance) -> int:
    low, high = round(params.lowest), round(params.highest)
    return chance.randint(low, high)


def _items(params: Random) -> list[Any]:
    if not isinstance(params.items, list):
        raise BadParams(
            f"A list is needed to draw from, but this is {kind(params.items)}.",
            field="items",
            hint="Wire a list to “Items”.",
        )
    return list(params.items)


def _pick(params: Random, chance: Chance) -> Any:
    items = _items(params)
    return chance.choice(items) if items else None


def _sample(params: Random, chance: Chance) -> list[Any]:
    items = _items(params)
    return chance.sample(items, min(params.count, len(items)))


def _shuffle(params: Random, chance: Chance) -> list[Any]:
    items = _items(params)
    chance.shuffle(items)
    return items


DRAWS: Mapping[str, Callable[[Random, Chance], Any]] = {
    "number": _number,
    "decimal": lambda params, chance: chance.uniform(params.lowest, params.highest),
    "yes_or_no": lambda params, chance: chance.random() < 0.5,
    "pick": _pick,
    "sample": _sample,
    "shuffle": _shuffle,
}

"""Similarity and Closest match: texts that are nearly the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field

from engine.contract import BadParams, Multiline, Params, Port, Select, action
from integrations.core.data.rows import RowsIn
from integrations.core.data.words import plain_letters
from integrations.core.values import cell_text, pick

Method = Literal["letters", "words", "part", "names"]
MethodField = Annotated[
    Method, Select(options=get_args(Method), labels=("Letters", "Words in any order", "Part of a text", "Names"))
]
LONGEST = 100_000

_HOW = (
    "Letters: how many letters must change. Words: the same, in any order of the words. "
    "Part: the shorter text inside the longer. Names: the beginning counts most"
)


class Similarity(Params):
    first: Annotated[str, Port(), Multiline(rows=2)] = Field(
        title="First text", description="One text", examples=["Jon Smith"]
    )
    second: Annotated[str, Port(), Multiline(rows=2)] = Field(
        title="Second text", description="The other text", examples=["Smith, John"]
    )
    method: MethodField = Field(default="letters", description=_HOW, examples=["words"])
    ignore_case: bool = Field(
        default=True, description="Whether case, marks and spaces at the ends do not count", examples=[True]
    )


@action(
    "data.similarity",
    title="Similarity",
    category="text",
    icon="scan-text",
    cpu=True,
    subtitle="How alike two texts are",
    keywords=("fuzzy", "levenshtein", "distance", "jaro", "compare", "duplicate"),
)
def similarity(params: Similarity) -> float:
    """Say how alike two texts are: 1 is equal, 0 has nothing in common.

    With a list: each pair of texts is compared by itself.
    """
    _check(params.first, "first")
    _check(params.second, "second")
    return round(scorer(params.method)(*(prepared(t, params.ignore_case) for t in (params.first, params.second))), 4)


class Closest(Params):
    text: Annotated[str, Port()] = Field(description="The text to find", examples=["Muenchen"])
    choices: RowsIn = Field(description="The list to find it in", examples=[["München", "Berlin", "Hamburg"]])
    field: str = Field(
        title="Compare with field",
        default="",
        description="The field to compare with, if the choices are records",
        examples=["city"],
    )
    at_least: float = Field(
        title="Alike at least",
        default=0.6,
        ge=0,
        le=1,
        description="How alike they must be, from 0 to 1",
        examples=[0.8],
    )
    method: MethodField = Field(default="letters", description=_HOW, examples=["letters"])
    ignore_case: bool = Field(
        default=True, description="Whether case, marks and spaces at the ends do not count", examples=[True]
    )


class Match(BaseModel):
    """What was found."""

    match: Any = Field(description="The closest choice; nothing if none is alike enough")
    score: float = Field(description="How alike it is, from 0 to 1")
    index: int | None = Field(description="Its place in the list, counted from 0")


@action(
    "data.closest",
    title="Closest match",
    category="text",
    icon="target",
    cpu=True,
    subtitle="Fuzzy lookup in a list",
    keywords=("fuzzy", "lookup", "vlookup", "similar", "typo", "spelling", "match"),
)
def closest(params: Closest) -> Match:
    """Find the entry of a list that is most like a text, though it may be spelled otherwise.

    Of several that are equally alike, the first is taken.

    With a list: each text is looked for by itself; the choices are taken whole.
    """
    _check(params.text, "text")
    from rapidfuzz import process  # noqa: PLC0415  a native library

    texts = [cell_text(pick(one, params.field) if params.field else one)[:LONGEST] for one in params.choices]
    wanted = prepared(params.text, params.ignore_case)
    found = process.extractOne(wanted, [prepared(t, params.ignore_case) for t in texts], scorer=scorer(params.method))
    if found is None or found[1] < params.at_least:
        return Match(match=None, score=0.0 if found is None else round(found[1], 4), index=None)
    _, score, index = found
    return Match(match=params.choices[index], score=round(score, 4), index=index)


def _check(text: str, field: str) -> None:
    if len(text) > LONGEST:
        raise BadParams(
            f"“{field}” has {len(text):,} characters; texts of up to {LONGEST:,} can be compared.",
            field=field,
            hint="Compare a part of it, such as its first lines.",
        )


def prepared(text: str, ignore_case: bool) -> str:
    """The text as it is compared; without regard to case, marks on letters are taken away too."""
    return plain_letters(text).casefold().strip() if ignore_case else text


def scorer(method: Method) -> Callable[..., float]:
    """How two texts are compared; gives 0 to 1. See RapidFuzz."""
    from rapidfuzz import distance, fuzz, utils  # noqa: PLC0415  a native library

    if method == "letters":
        return distance.Levenshtein.normalized_similarity
    if method == "names":
        return distance.JaroWinkler.normalized_similarity
    ratio = fuzz.token_sort_ratio if method == "words" else fuzz.partial_ratio

    def score(first: str, second: str, *, score_cutoff: float | None = None, **_: Any) -> float:
        return ratio(first, second, processor=utils.default_process if method == "words" else None) / 100

    return score

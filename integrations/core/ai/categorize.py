"""Categorize: sort texts by meaning into categories that a person describes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine.contract import BadParams, Multiline, NodeError, Params, Port, Rows, action
from integrations.core.ai.definition import Definition

if TYPE_CHECKING:
    from integrations.core.ai.scoring import Classifier


def _lines(value: object) -> object:
    """Examples may come as a list or as a text with one per line; empty ones count as none."""
    if value is None:
        return []
    lines = value.splitlines() if isinstance(value, str) else value
    return [line for line in lines if not isinstance(line, str) or line.strip()] if isinstance(lines, list) else value


def _text(value: object) -> object:
    """Nothing counts as an empty text."""
    return "" if value is None else value


class Category(BaseModel):
    """One of the categories to choose from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=120, description="What the category is called", examples=["Cards"])
    description: Annotated[str, BeforeValidator(_text), Multiline(rows=2)] = Field(
        default="",
        max_length=5000,
        description="What belongs to it, in plain English; several things separated by semicolons",
        examples=["Ordering a card; a lost or stolen card; PIN and contactless"],
    )
    examples: Annotated[list[str], BeforeValidator(_lines), Multiline(rows=3)] = Field(
        default_factory=list,
        max_length=2000,
        description="Texts that belong to it, one per line; the more there are, the more they count",
        examples=[["Where is my new card?"]],
    )


class Categorize(Params):
    text: Annotated[str, BeforeValidator(_text), Port(), Multiline()] = Field(
        description="The text to sort, in English", examples=["I am still waiting on my card?"]
    )
    categories: Annotated[list[Category], Port(), Rows(add="Add category")] = Field(
        min_length=2,
        max_length=200,
        description="What to choose from",
        examples=[
            [
                {"name": "Cards", "description": "Ordering a card; a lost or stolen card"},
                {"name": "Transfers", "description": "Sending money; a transfer that has not arrived"},
            ]
        ],
    )
    marks: Annotated[list[Category], Rows(add="Add mark")] = Field(
        default_factory=list,
        max_length=20,
        description="What to notice besides, across all categories; a text can get several marks, or none",
        examples=[[{"name": "Urgent", "description": "A card was lost or stolen; a payment that I did not make"}]],
    )
    sure_above: float = Field(
        default=0.6, ge=0, le=1, description="From which confidence on a result counts as sure", examples=[0.6]
    )
    mark_above: float = Field(
        default=0.7, ge=0, le=1, description="From which confidence on a mark is set", examples=[0.7]
    )
    allow_none: bool = Field(
        default=False, description="Give no category when the result is not sure, instead of the best guess",
        examples=[False],
    )  # fmt: skip


class Categorized(BaseModel):
    """Which category a text belongs to, and how sure that is."""

    category: str | None = Field(description="The name of the category, or nothing")
    confidence: float = Field(description="How sure, from 0 to 1: about the share of such results that are right")
    sure: bool = Field(description="Whether the confidence reaches the limit that was set")
    scores: dict[str, float] = Field(description="The confidence of every category; what lacks to 1 is none of them")
    marks: dict[str, bool] = Field(default_factory=dict, description="For every mark whether it is set")


@action(
    "ai.categorize",
    title="Categorize",
    category="ai",
    icon="tags",
    cpu=True,
    batch=64,
    subtitle="Sort texts by meaning",
    keywords=("classify", "sort", "label", "department", "intent", "tag", "route", "offline"),
)
def categorize(calls: list[Categorize]) -> list[Categorized | NodeError]:
    """Sort a text into the category whose description and examples are closest in meaning; set marks such as urgent.

    A small language model (all-MiniLM-L6-v2) runs on this machine: no key, no network, about 3 ms a text. It
    understands English, reads the first 200 words or so, and compares meanings; it does not reason, count, or know your
    company. Texts that fit two categories, or none, come out with a low confidence. An empty text gets no category.

    With a list: each text is sorted by itself, in batches that share the work.
    """
    results: list[Categorized | NodeError] = []
    for (categories, marks), group in groupby(calls, key=lambda c: (_definitions(c.categories), _definitions(c.marks))):
        results.extend(_sort(categories, marks, list(group)))
    return results


def _definitions(rows: Sequence[Category]) -> tuple[Definition, ...]:
    return tuple(Definition(row.name, row.description, tuple(row.examples)) for row in rows)


def _sort(
    categories: tuple[Definition, ...], marks: tuple[Definition, ...], calls: Sequence[Categorize]
) -> list[Categorized | NodeError]:
    for field, definitions in (("categories", categories), ("marks", marks)):
        names = [definition.name for definition in definitions]
        if twice := next((name for name in names if names.count(name) > 1), None):
            return [BadParams(f"Two {field} are called “{twice}”.", field=field) for _ in calls]
    classifier, texts = _classifier(categories), [call.text for call in calls]
    rows = classifier.probabilities(texts).tolist()
    columns = {mark.name: classifier.marks(texts, mark).tolist() for mark in marks}
    return [
        _result(call, rows[i], {name: column[i] >= call.mark_above for name, column in columns.items()})
        for i, call in enumerate(calls)
    ]


@lru_cache(maxsize=16)
def _classifier(definitions: tuple[Definition, ...]) -> Classifier:
    """Imported here, since it loads onnxruntime, which only a process that sorts texts should hold."""
    from integrations.core.ai.scoring import Classifier  # noqa: PLC0415

    return Classifier(definitions)


def _result(call: Categorize, row: Sequence[float], marks: dict[str, bool]) -> Categorized:
    names = [category.name for category in call.categories]
    if not call.text.strip():
        nothing, unmarked = dict.fromkeys(names, 0.0), dict.fromkeys(marks, False)
        return Categorized(category=None, confidence=0.0, sure=False, scores=nothing, marks=unmarked)
    confidence = max(row)
    sure = round(confidence, 4) >= call.sure_above
    return Categorized(
        category=names[row.index(confidence)] if sure or not call.allow_none else None,
        confidence=round(confidence, 4),
        sure=sure,
        scores={name: round(score, 4) for name, score in zip(names, row, strict=True)},
        marks=marks,
    )

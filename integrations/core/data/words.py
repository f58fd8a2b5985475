"""Change text: its spaces, case and length, or a part of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field

from engine.contract import Multiline, Params, Port, Select, ShowIf, action
from integrations.core.values import check_length

Change = Literal[
    "trim", "single_spaces", "lower", "upper", "title", "sentence", "slug", "plain_letters", "pad_start", "pad_end",
    "cut", "replace", "before", "after", "between", "digits", "reverse", "repeat",
]  # fmt: skip

_SPACES = re.compile(r"\s+")
_WORDS = re.compile(r"\S+")


class ChangeText(Params):
    text: Annotated[str, Port(), Multiline()] = Field(description="The text to change", examples=["  Ada  Lovelace "])
    change: Annotated[
        Change,
        Select(
            options=get_args(Change),
            labels=(
                "Trim spaces",
                "Single spaces",
                "lower case",
                "UPPER CASE",
                "Title Case",
                "Sentence case",
                "Slug",
                "Plain letters",
                "Pad at the start",
                "Pad at the end",
                "Cut to a length",
                "Replace",
                "Part before",
                "Part after",
                "Part between",
                "Only digits",
                "Reverse",
                "Repeat",
            ),
        ),
    ] = Field(
        default="trim",
        description="What to do; a slug is for-addresses-like-this, plain letters turn é into e",
        examples=["slug"],
    )
    length: Annotated[int, ShowIf(field="change", values=("pad_start", "pad_end", "cut"))] = Field(
        default=10, ge=0, le=1_000_000, description="How many characters the result has", examples=[8]
    )
    fill: Annotated[str, ShowIf(field="change", values=("pad_start", "pad_end"))] = Field(
        title="Fill with",
        default=" ",
        min_length=1,
        max_length=1,
        description="The character to fill up with",
        examples=["0"],
    )
    ending: Annotated[str, ShowIf(field="change", values=("cut",))] = Field(
        default="…", description="What stands at the end of a text that was cut", examples=["..."]
    )
    find: Annotated[str, ShowIf(field="change", values=("replace", "before", "after", "between"))] = Field(
        default="", description="The word or mark to look for, exactly as written", examples=["@"]
    )
    until: Annotated[str, ShowIf(field="change", values=("between",))] = Field(
        title="Up to", default="", description="The mark at the end; none: the same as the first", examples=["]"]
    )
    replacement: Annotated[str, ShowIf(field="change", values=("replace",))] = Field(
        title="Replace with", default="", description="What to put in its place", examples=[" at "]
    )
    times: Annotated[int, ShowIf(field="change", values=("repeat",))] = Field(
        default=2, ge=0, le=1_000_000, description="How often the text stands in the result", examples=[3]
    )


@action(
    "data.text",
    title="Change text",
    category="text",
    icon="type",
    subtitle="Trim, case, replace, pad, slug",
    keywords=(
        "string",
        "uppercase",
        "lowercase",
        "capitalize",
        "trim",
        "slugify",
        "pad",
        "truncate",
        "find",
        "replace",
    ),
)
def change_text(params: ChangeText) -> str:
    """Change a text: its spaces, its case, its length, or take a part out of it.

    Where a mark to look for is not in the text, before gives the whole text, and after and between give an empty one.
    For patterns instead of exact words, use Regular expression.

    With a list: each text is changed by itself.
    """
    return CHANGES[params.change](params.text, params)


def _title(text: str, params: ChangeText) -> str:
    return _WORDS.sub(lambda match: match[0][:1].upper() + match[0][1:].lower(), text)


def _sentence(text: str, params: ChangeText) -> str:
    start = len(text) - len(text.lstrip())
    return text[:start] + text[start : start + 1].upper() + text[start + 1 :].lower()


def _slug(text: str, params: ChangeText) -> str:
    from slugify import slugify  # noqa: PLC0415  loads its tables

    return slugify(text)


def plain_letters(text: str) -> str:
    """Letters without their marks (Unicode NFKD): é becomes e; other scripts stay."""
    parts = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c)))


def _cut(text: str, params: ChangeText) -> str:
    if len(text) <= params.length:
        return text
    ending = params.ending[: params.length]
    return text[: params.length - len(ending)].rstrip() + ending


def _replace(text: str, params: ChangeText) -> str:
    if not params.find:
        return text
    check_length(len(text) + text.count(params.find) * (len(params.replacement) - len(params.find)), "replacement")
    return text.replace(params.find, params.replacement)


def _before(text: str, params: ChangeText) -> str:
    return text.partition(params.find)[0] if params.find else text


def _after(text: str, params: ChangeText) -> str:
    return text.partition(params.find)[2] if params.find else text


def _between(text: str, params: ChangeText) -> str:
    rest = _after(text, params)
    inside, mark, _ = rest.partition(params.until or params.find) if params.until or params.find else (rest, " ", "")
    return inside if mark else ""


def _repeat(text: str, params: ChangeText) -> str:
    check_length(len(text) * params.times, "times")
    return text * params.times


CHANGES: Mapping[str, Callable[[str, ChangeText], str]] = {
    "trim": lambda text, _: text.strip(),
    "single_spaces": lambda text, _: _SPACES.sub(" ", text).strip(),
    "lower": lambda text, _: text.lower(),
    "upper": lambda text, _: text.upper(),
    "title": _title,
    "sentence": _sentence,
    "slug": _slug,
    "plain_letters": lambda text, _: plain_letters(text),
    "pad_start": lambda text, params: text.rjust(params.length, params.fill),
    "pad_end": lambda text, params: text.ljust(params.length, params.fill),
    "cut": _cut,
    "replace": _replace,
    "before": _before,
    "after": _after,
    "between": _between,
    "digits": lambda text, _: "".join(c for c in text if c.isdigit()),
    "reverse": lambda text, _: text[::-1],
    "repeat": _repeat,
}

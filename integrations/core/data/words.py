"""Change text, Split text, Join texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import Expression, Multiline, Params, PerItem, Port, Select, ShowIf, action
from integrations.core.data.rows import RowsIn
from integrations.core.values import blank, cell_text, check_length

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
async def change_text(params: ChangeText) -> str:
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


class SplitText(Params):
    text: Annotated[str, Port(), Multiline()] = Field(description="The text to split", examples=["red, green, blue"])
    by: Annotated[
        Literal["separator", "lines", "words", "characters", "length"],
        Select(options=("separator", "lines", "words", "characters", "length")),
    ] = Field(default="separator", description="Where to split", examples=["lines"])
    separator: Annotated[str, ShowIf(field="by", values=("separator",))] = Field(
        default=",", min_length=1, description="What stands between two parts", examples=[";"]
    )
    length: Annotated[int, ShowIf(field="by", values=("length",))] = Field(
        default=1000, ge=1, description="How many characters a part has; the last may be shorter", examples=[1000]
    )
    trim: bool = Field(default=True, description="Whether spaces around each part are taken away", examples=[True])
    skip_empty: bool = Field(default=True, description="Whether empty parts are left out", examples=[True])


@action(
    "data.split_text",
    title="Split text",
    category="text",
    icon="split",
    subtitle="A text into a list",
    keywords=("explode", "lines", "words", "separator", "comma", "array", "tokens"),
)
async def split_text(params: SplitText) -> list[str]:
    """Split a text into a list: at a separator, at line ends, into words, characters, or pieces of one length.

    With a list: each text gives its own list, so the output is a list of lists.
    """
    parts = SPLITS[params.by](params.text, params)
    if params.trim and params.by not in ("characters", "length"):
        parts = [part.strip() for part in parts]
    return [part for part in parts if part] if params.skip_empty else parts


SPLITS: Mapping[str, Callable[[str, SplitText], list[str]]] = {
    "separator": lambda text, params: text.split(params.separator),
    "lines": lambda text, _: text.splitlines(),
    "words": lambda text, _: text.split(),
    "characters": lambda text, _: list(text),
    "length": lambda text, params: [text[at : at + params.length] for at in range(0, len(text), params.length)],
}


class JoinTexts(Params):
    items: RowsIn = Field(description="The items to write one after the other", examples=[["red", "green", "blue"]])
    line: Annotated[list[Any] | None, Expression(), PerItem("items")] = Field(
        title="Text for each item",
        default=None,
        description="What to write for each item; `item` is the item. Empty: the item itself",
        examples=["- {{ item.name }}: {{ item.total }}"],
    )
    separator: Annotated[str, Multiline(rows=2)] = Field(
        default=", ", description="What stands between two items; a line break for a line each", examples=["; "]
    )
    last_separator: str = Field(
        title="Separator before the last",
        default="",
        description="What stands before the last one instead, if it is another",
        examples=[" and "],
    )
    before: str = Field(title="Text before", default="", description="What stands before it all", examples=["Colors: "])
    after: str = Field(title="Text after", default="", description="What stands after it all", examples=["."])
    skip_empty: bool = Field(default=True, description="Whether empty items are left out", examples=[True])


@action(
    "data.join_texts",
    title="Join texts",
    category="text",
    icon="link",
    subtitle="A list into one text",
    keywords=("concatenate", "implode", "template", "list", "lines", "report", "summary", "join"),
)
async def join_texts(params: JoinTexts) -> str:
    """Write the items of a list into one text, each as it is or as a template says.

    With a list: takes it whole. No items give the text before and the text after alone.
    """
    values = params.items if params.line is None else params.line
    texts = [cell_text(value) for value in values if not (params.skip_empty and blank(value))]
    longest = max(len(params.separator), len(params.last_separator))
    check_length(sum(map(len, texts)) + longest * len(texts), "items")
    if params.last_separator and len(texts) > 1:
        body = params.separator.join(texts[:-1]) + params.last_separator + texts[-1]
    else:
        body = params.separator.join(texts)
    return params.before + body + params.after

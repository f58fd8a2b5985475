"""Split text and Join texts: a text into a list, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.contract import Expression, Multiline, Params, PerItem, Port, Select, ShowIf, action
from integrations.core.data.rows import RowsIn
from integrations.core.values import blank, cell_text, check_length


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
def split_text(params: SplitText) -> list[str]:
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
def join_texts(params: JoinTexts) -> str:
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

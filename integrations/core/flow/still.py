"""Nodes that change nothing: Do nothing, and the note on the canvas."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from engine.contract import Fired, Multiline, Params, Port, Select, Whole, action

COLORS: Final = ("yellow", "blue", "green", "red", "gray")


class Pass(Params):
    value: Annotated[Any, Port(), Whole()] = Field(default=None, description="What goes on", examples=[{"id": 7}])


@action(
    "flow.no_op",
    title="Do nothing",
    category="flow",
    icon="circle-dashed",
    subtitle="Pass a value on as it is",
    keywords=("no operation", "noop", "pass", "placeholder", "end", "join"),
)
def do_nothing(params: Pass) -> Any:
    """Pass the value on as it is: the named end of a branch, a place where wires meet, or one to be filled in later.

    With a list: passes the list on whole.
    """
    return params.value


class Text(Params):
    text: Annotated[str, Multiline(rows=6, literal=True)] = Field(
        max_length=10_000,
        description="What stands on the canvas, in Markdown",
        examples=["Runs each morning before the shop opens"],
    )
    color: Annotated[Literal["yellow", "blue", "green", "red", "gray"], Select(options=COLORS)] = Field(
        default="yellow", description="The color of the note", examples=["blue"]
    )


@action(
    "flow.note",
    title="Note",
    category="flow",
    icon="sticky-note",
    kind="note",
    outputs=(),
    subtitle="A text on the canvas",
    keywords=("comment", "sticky", "annotation", "documentation", "text"),
)
def note(params: Text) -> tuple[Fired, ...]:
    """A text on the canvas for whoever reads the workflow. It is no step: it has no wires and never runs.

    With a list: takes none.
    """
    return ()

"""What a field of a node says about itself beyond its type: how lists meet it and which widget edits it.

Markers stand in `Annotated[...]` and travel inside the JSON Schema as `x-ui`, so there is no second description.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Marker:
    """Adds its own fields to the field's JSON Schema under `x-ui`."""

    widget: ClassVar[str | None] = None

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        hints = {key: value for key, value in asdict(self).items() if value not in (None, (), "")}
        if self.widget:
            hints["widget"] = self.widget
        schema["x-ui"] = {**schema.get("x-ui", {}), **hints}
        return schema


@dataclass(frozen=True)
class Port(Marker):
    """Drawn on the node's card as an input that a wire can end in."""

    port: bool = True


@dataclass(frozen=True)
class Whole(Marker):
    """Takes any value as it is: a list here never makes the node run once per item."""

    whole: bool = True


@dataclass(frozen=True)
class Multiline(Marker):
    """A text of several lines. With `literal`, templates are not evaluated inside."""

    widget: ClassVar[str | None] = "multiline"
    rows: int = 4
    literal: bool = False


@dataclass(frozen=True)
class Code(Marker):
    """Source code. Templates are not evaluated inside: code gets its values by name."""

    widget: ClassVar[str | None] = "code"
    language: str = "python"
    literal: bool = True


@dataclass(frozen=True)
class Expression(Marker):
    """A template that is evaluated to a typed value; a condition, for example."""

    widget: ClassVar[str | None] = "expression"


@dataclass(frozen=True)
class Select(Marker):
    """One of `options`, or of what the function named `load` of the integration lists.

    `labels`: what the form shows for each option, in their order, where the option's own word would not say it.
    """

    widget: ClassVar[str | None] = "select"
    options: tuple[str, ...] = ()
    load: str | None = None
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.labels and len(self.labels) != len(self.options):
            raise TypeError("a Select needs as many labels as options")


@dataclass(frozen=True)
class Rows(Marker):
    """A list of records edited as a small table with one column per field of the row's model."""

    widget: ClassVar[str | None] = "rows"
    add: str = "Add row"


@dataclass(frozen=True)
class KeyValue(Marker):
    """Named values edited as pairs.

    `sent`: they go out as parameters or headers, where short names such as `key` speak of a secret too.
    """

    widget: ClassVar[str | None] = "key_value"
    add: str = "Add field"
    sent: bool = False


@dataclass(frozen=True)
class FileField(Marker):
    """A file that can be uploaded here. `accept` as in HTML, for example `.csv,text/csv`."""

    widget: ClassVar[str | None] = "file"
    accept: str = ""


@dataclass(frozen=True)
class Account(Marker):
    """The id of one of the workspace's accounts (credentials) of these types."""

    widget: ClassVar[str | None] = "account"
    types: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cron(Marker):
    """A cron expression of five fields or an alias such as `@daily`."""

    widget: ClassVar[str | None] = "cron"


@dataclass(frozen=True)
class TimeZone(Marker):
    """An IANA time zone such as `Europe/Berlin`."""

    widget: ClassVar[str | None] = "time_zone"


@dataclass(frozen=True)
class Hidden(Marker):
    """Not shown in the form."""

    widget: ClassVar[str | None] = "hidden"


@dataclass(frozen=True)
class ShowIf(Marker):
    """Shown only while the field `field` holds one of `values`."""

    field: str = ""
    values: tuple[Any, ...] = ()

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        schema["x-ui"] = {**schema.get("x-ui", {}), "show_if": {"field": self.field, "values": list(self.values)}}
        return schema


@dataclass(frozen=True)
class PerItem(Marker):
    """The template of this field is evaluated once for each element of the list in the field `per_item`.

    `item` and `index` are in scope; the node gets the list of results, as long as that list. So a node can take a
    list whole and still ask a question of each row (a filter's condition). References inside never map the node.
    """

    per_item: str = ""


@dataclass(frozen=True)
class Inside(Marker):
    """Of a container: the template of this field is evaluated in the body, after the body's nodes have ended.

    It knows the names of the body, takes every list whole, and never makes the container run once per item.
    """

    inside: bool = True


@dataclass(frozen=True)
class WorkflowField(Marker):
    """The id of a workflow of the workspace."""

    widget: ClassVar[str | None] = "workflow"


Rank = Literal["single", "list", "whole"]

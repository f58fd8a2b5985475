"""Output: what a run gives back."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import Params, Port, Select, ShowIf, Streamed, Whole, action

Look = Literal["auto", "table", "bar_chart", "text", "number", "file", "json"]


class Show(Params):
    value: Annotated[Any, Port(), Whole(), Streamed()] = Field(
        description="What is given back", examples=[[{"Department": "Cards", "Messages": 880}]]
    )
    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,59}$",
        description="The name under which callers find the value, in small letters",
        examples=["sorted_messages"],
    )
    label: str = Field(default="", max_length=120, description="What the result page shows", examples=["Departments"])
    show: Annotated[Look, Select(options=get_args(Look))] = Field(
        default="auto", description="How it is shown; auto looks at the value", examples=["bar_chart"]
    )
    columns: Annotated[list[str], ShowIf(field="show", values=("auto", "table", "bar_chart"))] = Field(
        default_factory=list,
        description="The columns shown, in this order; none: all. A bar chart takes the name and the number",
        examples=[["Department", "Messages"]],
    )
    review_column: Annotated[str, ShowIf(field="show", values=("auto", "table"))] = Field(
        default="Confidence", description="The column that says how sure a row is", examples=["Confidence"]
    )
    review_below: Annotated[float | None, ShowIf(field="show", values=("auto", "table"))] = Field(
        default=None, description="Rows under this are marked “Check these”", examples=[0.6]
    )


@action(
    "flow.output",
    title="Output",
    category="flow",
    icon="log-out",
    subtitle="What a run gives back",
    keywords=("result", "return", "table", "chart", "download"),
)
def show(params: Show) -> Any:
    """Give a value back: shown beside the form and on the run's page, and returned to REST callers under its name.

    With a list: takes it whole; a list of records is a table, or a bar chart.
    """
    return params.value

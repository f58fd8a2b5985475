"""Python: a piece of code of the user's own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from engine.contract import Code, KeyValue, Log, Params, Port, Whole, action
from integrations.core.code.sandbox import run


class Python(Params):
    code: Annotated[str, Code(language="python")] = Field(
        min_length=1,
        max_length=100_000,
        description="Python; the value of the last line, or of return, is the output",
        examples=["[row for row in rows if row['amount'] > 10]"],
    )
    inputs: Annotated[dict[str, Any], Whole(), Port(), KeyValue(add="Add variable")] = Field(
        default_factory=dict, description="The variables that the code can use", examples=[{"rows": [{"amount": 12}]}]
    )
    time_limit: float = Field(default=10, gt=0, le=60, description="Seconds that it may run", examples=[5])
    memory_limit: int = Field(default=128, ge=8, le=1024, description="Megabytes that it may use", examples=[256])


class Result(BaseModel):
    """What the code gave back."""

    value: Any = Field(description="The value of the last line, or of return")


@action(
    "code.python",
    title="Python",
    category="code",
    icon="code",
    time_limit=90,
    subtitle="Your own code, in a sandbox",
    keywords=("script", "function", "transform", "custom", "program"),
)
async def python(params: Python, log: Log) -> Result:
    """Run Python in a sandbox. The inputs are its variables; the value of the last line, or of `return`, is the output.

    The sandbox (Monty) has no files, no network and no waiting, and part of the standard library: json, re, datetime,
    math and a few more, no installed packages. Classes are simple, without inheritance from built-in types. Time,
    memory and printed text are limited. What is printed stands in the step's log. An error names its line.

    With a list: the code gets it whole and decides what to do with it.
    """
    outcome = await run(params.code, params.inputs, seconds=params.time_limit, megabytes=params.memory_limit)
    for line in outcome.printed.splitlines():
        log.info(line)
    return Result(value=outcome.value)

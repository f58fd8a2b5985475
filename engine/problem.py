"""What is wrong with a drawing, said where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Fix(BaseModel):
    """A repair that one click makes: operations of `engine.patch`."""

    model_config = ConfigDict(frozen=True)

    label: str
    ops: tuple[Mapping[str, Any], ...]


class Problem(BaseModel):
    """`node` and `field` (dotted path in the params, or an option such as `after`) say where; both None: all of it.

    `code` is stable and meant for programs; `message` says what is wrong, `hint` what to do. `line` counts from 1 in
    the text that was read. Errors keep the workflow from being published and run; warnings do not.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    node: str | None = None
    field: str | None = None
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"
    fix: Fix | None = None
    line: int | None = None


class DocumentError(ValueError):
    """A document that is no drawing: what is wrong with it, all at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(" ".join(_told(problem) for problem in problems[:5]))
        self.problems = problems


def _told(problem: Problem) -> str:
    line = f"Line {problem.line}: " if problem.line else ""
    return line + (f"{problem.node}: " if problem.node else "") + problem.message

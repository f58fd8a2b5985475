"""What is wrong with a drawing, said where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Fix:
    """A repair that one click makes: operations of `engine.patch`."""

    label: str
    ops: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """`node` and `field` (dotted path in the params, or an option such as `after`) say where; both empty: all of it.

    `code` is stable and meant for programs; `message` says what is wrong, `hint` what to do. `line` counts from 1 in
    the text that was read. Errors keep the workflow from being published and run; warnings do not.
    """

    code: str
    message: str
    node: str = ""
    field: str = ""
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    fix: Fix | None = None
    line: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As REST and the editor take it; what is empty is left out."""
        told: dict[str, Any] = {"code": self.code, "message": self.message, "severity": self.severity}
        rest = {"node": self.node, "field": self.field, "hint": self.hint, "line": self.line}
        told |= {key: value for key, value in rest.items() if value}
        if self.fix is not None:
            told["fix"] = {"label": self.fix.label, "ops": [dict(op) for op in self.fix.ops]}
        return told


class DocumentError(ValueError):
    """A document that is no drawing: what is wrong with it, all at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(" ".join(_told(problem) for problem in problems[:5]))
        self.problems = problems


def _told(problem: Problem) -> str:
    line = f"Line {problem.line}: " if problem.line else ""
    return line + (f"{problem.node}: " if problem.node else "") + problem.message

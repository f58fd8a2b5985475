"""What went wrong inside a template, where, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TemplateError(Exception):
    """A template that cannot be read or evaluated.

    `position` is the offset in `source` (characters, from 0) where the trouble starts; `hint` says what to do.
    """

    def __init__(self, source: str, position: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.source = source
        self.position = position
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[type[TemplateError], tuple[str, int, str, str]]:
        return type(self), (self.source, self.position, self.message, self.hint)


class Refused(ValueError):
    """What a filter or function cannot do, in words for a person."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests the nearest known name, or lists the first few; empty when nothing is known."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean “{close[0]}”?"
    if not names:
        return ""
    shown = ", ".join(names[:12])
    return f"Known here: {shown}{'…' if len(names) > 12 else ''}."

"""What a category is, in a person's words."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SENTENCES = re.compile(r"[;\n]+|(?<=[.!?])\s+")
_COMMAS = re.compile(r",\s*")


@dataclass(frozen=True)
class Definition:
    """A category's name, description and examples. Hashable, so that its vectors are worked out once."""

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """The parts of a description (cut at semicolons, lines and sentence ends, else at commas), then all of it."""
        text = self.description.strip()
        parts = [part.strip(" .") for part in _SENTENCES.split(text)]
        if len(parts) == 1:
            parts = [part.strip(" .") for part in _COMMAS.split(text)]
        whole = f"{self.name}: {text}" if text else self.name
        return [*(part for part in parts if part), whole]

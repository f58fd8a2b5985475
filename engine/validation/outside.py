"""What is known of a drawing beside the drawing itself, handed in by who can read it: validation stays pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Taken:
    """One input of another workflow: what its Input node asks for."""

    name: str
    label: str = ""
    kind: str = "text"
    required: bool = False


@dataclass(frozen=True)
class Interface:
    """What another workflow takes and gives: the Input and Output nodes of its published version."""

    id: str
    title: str
    published: bool = True
    takes: tuple[Taken, ...] = ()
    gives: tuple[str, ...] = ()


class Workflows(Protocol):
    """The workflows that a drawing may run."""

    def get(self, workflow_id: str, /) -> Interface | None:
        """What it takes and gives; None for an id that is not known here."""


@dataclass(frozen=True)
class Outside:
    """`workflows`: those that can be run as a node; None: nobody said."""

    workflows: Workflows | None = None


NOTHING = Outside()

"""What is known of a drawing beside the drawing itself, handed in by who can read it: validation stays pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from engine.catalog import Catalog
from engine.contract import MAIN, CallWorkflow, Output


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

    def catalog(self, base: Catalog) -> Catalog:
        """The catalogue for this drawing: a node that runs a workflow has an output for each that this one gives."""
        if self.workflows is None:
            return base
        for known, of, made in tuple(_recent):
            if known is base and of == self.workflows:
                return made
        every = (base.get(type_id, version) for type_id in base for version in base.versions(type_id))
        running = [one for one in every if one is not None and one.result is CallWorkflow]
        made = base.with_types(replace(one, outputs=partial(_outputs, self.workflows)) for one in running)
        _recent.append((base, self.workflows, made))
        return made


NOTHING = Outside()
_recent: deque[tuple[Catalog, Workflows, Catalog]] = deque(maxlen=32)


def _outputs(workflows: Workflows, params: Any) -> tuple[Output, ...]:
    """The main output, which has all of them, and one for each. Of a run that nobody waits for only its id is known."""
    given = params if isinstance(params, Mapping) else vars(params)
    called = workflows.get(str(given.get("workflow")))
    if called is None or given.get("mode") == "detached":
        return (MAIN,)
    return (MAIN, *(Output(name) for name in dict.fromkeys(called.gives) if name != MAIN.name))

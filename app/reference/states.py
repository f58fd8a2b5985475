"""The pictures of states: docs/concepts/states.md, drawn from the table in engine/models/states.py."""

from __future__ import annotations

from engine.models.states import MACHINES, NONE, Machine

_MADE = "<!-- Made by ./weft docs from engine/models/states.py. Change that, not this page. -->\n"
_HEAD = """# States

What a run, its segments, its steps and its waits can be in, and every way from one state to another. The engine's
statements take their conditions from the same table, so what is not drawn here cannot happen: a run that ended never
changes again, and a wait settles once, however many answers come.

A *segment* is the part of a run that one worker advances at a time. [Runs](runs.md) says what is guaranteed.
"""
_TITLES = {"run": "Runs", "segment": "Segments", "step": "Steps", "wait": "Waits"}


def page() -> str:
    """The page as Markdown with Mermaid state diagrams."""
    return "\n".join([_MADE, _HEAD, *(_section(machine) for machine in MACHINES)])


def _section(machine: Machine) -> str:
    rows = "\n".join(f"| {state} | {means} |" for state, means in machine.states.items())
    return f"## {_TITLES[machine.name]}\n\n{_picture(machine)}\n\n| state | means |\n|---|---|\n{rows}\n"


def _picture(machine: Machine) -> str:
    moves = [f"    {move.before} --> {move.after}: {move.why}" for move in machine.moves if move.before != NONE]
    begins = [f"    [*] --> {move.after}: {move.why}" for move in machine.moves if move.before == NONE]
    ends = [f"    {state} --> [*]" for state in machine.ended]
    return "\n".join(["```mermaid", "stateDiagram-v2", *begins, *moves, *ends, "```"])

"""What a call is handed is made for its place in the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from engine.contract import Chance, Effect, NodeType, Params
from engine.run.toolbox import CallContext, Toolbox
from tests.engine.bench import NoAccounts, NoFiles


class Nothing(Params):
    pass


def _draw(params: Nothing, chance: Chance) -> float:
    """Draws."""
    return chance.random()


DRAW = NodeType(
    id="test.draw", version=1, title="Draw", category="data", icon="x", params=Nothing, function=_draw,
    services={"chance": Chance}, result=float, effect=Effect.none,
)  # fmt: skip

HERE = CallContext(
    run_id="run",
    workflow_id="workflow",
    workspace_id="workspace",
    node_id="draw",
    item="3",
    attempt=1,
    generation=0,
    now=datetime(2026, 11, 23, tzinfo=UTC),
    public_url="",
)


def drawn(context: CallContext, secret: bytes = b"secret") -> float:
    """What the node draws in a process of its own."""
    toolbox = Toolbox(NoFiles, lambda workspace_id: NoAccounts(), secret=secret)
    return float(DRAW(Nothing(), **toolbox.services(DRAW, context)))


def test_a_repeated_call_draws_the_same() -> None:
    again = replace(HERE, attempt=2, generation=1, now=datetime(2027, 1, 1, tzinfo=UTC), lines=[], secrets=set())
    assert drawn(HERE) == drawn(again)


def test_every_other_place_draws_something_else() -> None:
    others = [
        replace(HERE, run_id="other"),
        replace(HERE, node_id="other"),
        replace(HERE, item="4"),
        replace(HERE, scope="loop.1"),
        replace(HERE, scope="loop.2"),
    ]
    assert len({drawn(context) for context in (HERE, *others)}) == 6
    assert drawn(HERE) != drawn(HERE, b"of another installation")

"""What a run gives back, gathered as its nodes end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.contract import MAIN, Respond
from engine.run.plan import Plan, PlannedNode

OUTPUT = "flow.output"
RESPOND = "flow.respond"


class Results:
    """The run's `output` column.

    `{"outputs": {name: stored, …}, "last": stored, "response": {status, headers, body}}`, where stored is what step
    rows hold: `{"v": value}` or `{"ref": hash, "count": n}`. `outputs` are those of the Output nodes that ran. `last`
    is there only without them: the main output of the last node, in the plan's order, that ran and that nobody refers
    to. `response` is there if a Respond node answered; its body is stored likewise.
    """

    def __init__(self, plan: Plan) -> None:
        self._place = plan.places
        self._outputs: dict[str, Any] = {}
        self._last: tuple[int, Any] | None = None
        self._response: dict[str, Any] | None = None

    def take(self, planned: PlannedNode, packed: Mapping[str, Any]) -> None:
        """Note the stored outputs of a node that ended."""
        if (main := packed.get(MAIN.name)) is None:
            return
        if planned.node.type == OUTPUT:
            self._outputs[str(planned.node.params.get("name") or planned.id)] = _plain(main)
        elif not planned.feeds and planned.type.kind != "trigger":
            place = self._place[planned.id]
            if self._last is None or place > self._last[0]:
                self._last = (place, _plain(main))

    def answer(self, answer: Respond, packed: Mapping[str, Any]) -> bool:
        """Note what a Respond node answered; the first answer counts. Says whether this was it."""
        if self._response is not None:
            return False
        body = _plain(packed[MAIN.name])
        self._response = {"status": answer.status, "headers": dict(answer.headers), "body": body}
        return True

    def answered(self, output: Mapping[str, Any] | None) -> None:
        """Note what was answered in an earlier segment, as the run's row has it."""
        self._response = self._response or (output or {}).get("response")

    def restore(self, planned: PlannedNode, row: Mapping[str, Any]) -> None:
        """Note what a Respond node answered in an earlier segment, as its row has it."""
        if planned.node.type == RESPOND and MAIN.name in (row["output"] or {}):
            given = {name: held.get("v") for name, held in (row["input"] or {}).items()}
            self.answer(Respond(given.get("status") or 200, given.get("headers") or {}), row["output"])

    def output(self) -> dict[str, Any]:
        """The column's value."""
        found: dict[str, Any] = {"outputs": self._outputs}
        if not self._outputs and self._last is not None:
            found["last"] = self._last[1]
        if self._response is not None:
            found["response"] = self._response
        return found


def _plain(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Without the origin, which means nothing outside of the run."""
    return {key: held for key, held in stored.items() if key != "o"}

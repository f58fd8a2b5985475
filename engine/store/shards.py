"""Shards: segments of a run that other workers advance beside the first, each a range of one node's items.

A shard has a lease and an epoch of its own, so that all of `engine.store.lease` holds for it: a worker that is killed
loses it to another, and one that was thought dead writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.models.states import SEGMENT
from engine.store.claim import Claim
from engine.store.driver import Driver, Reader, Row
from engine.store.results import Delivery
from engine.store.statement import Statement


@dataclass(frozen=True, slots=True)
class Shard:
    """The items from `start` to before `stop` of a top-level node's list."""

    node_id: str
    start: int
    stop: int

    def to_json(self) -> dict[str, Any]:
        return {"node": self.node_id, "start": self.start, "stop": self.stop}

    @classmethod
    def from_json(cls, task: dict[str, Any]) -> Shard:
        return cls(task["node"], task["start"], task["stop"])


PUT_SHARD = Statement(
    """INSERT INTO segment (run_id, number, workspace_id, workflow_id, status, priority, epoch, queued_at, delivered_at,
        task)
    VALUES (CAST(:run AS TEXT), (SELECT MAX(number) + 1 FROM segment WHERE run_id = :run), :workspace, :workflow,
        'queued', 1, 0, {clock}, {clock}, :task)
    RETURNING run_id, number, epoch"""
)
READ_SHARDS = Statement("SELECT number, status, task FROM segment WHERE run_id = :run AND number > 0")
READ_PARTS = Statement(
    """SELECT item, status, output, error FROM step
    WHERE run_id = :run AND scope = '' AND node_id = :node AND item <> '' AND status IN ('done', 'failed')
        AND (status = 'failed' OR item LIKE :chunk)"""
)
CLOSE_SHARDS = Statement(
    f"""UPDATE segment SET status = 'done', epoch = epoch + 1, owner = NULL, lease_until = NULL
    WHERE run_id = :run AND number <> :segment AND {SEGMENT.becoming("done")}"""
)


def put(driver: Driver, held: Claim, shards: Sequence[Shard]) -> list[Any]:
    """Queue shards beside the held segment; the answers name them."""
    where = {"run": held.run_id, "workspace": held.workspace_id, "workflow": held.workflow_id}
    return [driver.send(PUT_SHARD, {**where, "task": orjson.dumps(shard.to_json()).decode()}) for shard in shards]


def deliveries(answers: Sequence[Any]) -> tuple[Delivery, ...]:
    """What must be put on the queue, from the answers of `put`."""
    return tuple(Delivery(*row) for answer in answers for row in answer.rows())


@dataclass(frozen=True, slots=True)
class Standing:
    """How a node's parts stand: rows of parts and of failed items, and the shards that are not over.

    `dealt`: whether there ever were shards of the node.
    """

    rows: list[dict[str, Any]]
    open: list[Shard]
    dealt: bool


def standing(driver: Reader, run_id: str, node_id: str) -> Standing:
    """Read it."""
    rows = driver.send(READ_PARTS, {"run": run_id, "node": node_id, "chunk": "%-%"}).rows()
    found = _of_node(driver.send(READ_SHARDS, {"run": run_id}).rows(), node_id)
    return Standing(
        [
            {"item": item, "status": status, "output": _json(output), "error": _json(error)}
            for item, status, output, error in rows
        ],
        [shard for _, status, shard in found if status != "done"],
        bool(found),
    )


def others_open(rows: Sequence[Row], held: Claim) -> bool:
    """Whether other shards of the held one's node are not over, by rows of `READ_SHARDS`."""
    mine = _of_node(rows, Shard.from_json(held.task).node_id) if held.task is not None else []
    return any(status != "done" and number != held.segment for number, status, _ in mine)


def _of_node(rows: Sequence[Row], node_id: str) -> list[tuple[int, str, Shard]]:
    found = [(number, status, Shard.from_json(_json(task))) for number, status, task in rows if task is not None]
    return [each for each in found if each[2].node_id == node_id]


def _json(text: Any) -> Any:
    return orjson.loads(text) if isinstance(text, str | bytes) else text

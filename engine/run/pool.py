"""Processes beside the event loop for nodes that burn CPU or block.

A child keeps what it loaded (catalogue, models) between calls. One that is killed or runs past its time limit is
replaced by the next call. The processes themselves are AnyIO's (`anyio.to_process`): this file adds the bound, the
warm start, and what is sent across.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Generator, Iterable, Sequence
from typing import Any

from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from engine.catalog import catalog
from engine.contract import NodeError, PermanentError
from engine.contract.lists import pieces_of
from engine.run.outcome import plain
from engine.store.storage import MEASURED, Storage
from engine.telemetry import get_logger

TRIES = 2  # a child that was killed from outside, by the kernel for its memory say, is given one more chance

log = get_logger(__name__)


class Pool:
    """A bounded set of child processes; make one per worker, inside its event loop."""

    def __init__(self, size: int | None = None) -> None:
        """`size`: how many children at most; by default one per core."""
        self.size = size or os.cpu_count() or 1
        self._limiter = CapacityLimiter(self.size)

    async def warm(self) -> None:
        """Start a child and load the catalogue there, so that the first run does not wait for that."""
        await self._run(load_catalog, ())

    async def call(
        self,
        type_id: str,
        version: int,
        batch: Sequence[Any] | Any,
        services: dict[str, Any],
        keep: tuple[Storage, str] | None = None,
    ) -> Any:
        """The result of the node's function in a child process. Cancelling kills that child.

        Args:
            type_id: the node type, with `version`; the child looks the function up in its own catalogue.
            batch: its params, or a list of them where the type declares `batch`.
            services: what the function asks for by name; everything must survive pickling.
            keep: where the child stores a long list that the function gives, and for which workspace: then only its
                name comes back.

        Raises:
            NodeError: as the function raised it.
            PermanentError: the child died on every try.
        """
        # Pickled here, since the child must load its catalogue before it can read an integration's params.
        arguments = pickle.dumps((batch, services, keep))
        for left in reversed(range(TRIES)):
            try:
                return await self._run(call_function, (type_id, version, arguments))
            except BrokenWorkerProcess:
                log.warning("a child process ended in the middle of a call", node_type=type_id, tries_left=left)
        raise PermanentError(
            "The process that did this step ended before it was done, probably because it ran out of memory.",
            hint="Give the step less at once, or give the machine more memory.",
        )

    async def _run(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        return await to_process.run_sync(function, *arguments, cancellable=True, limiter=self._limiter)


class Crash(Exception):
    """The node's function raised something that is no NodeError; the text names class and message."""


def load_catalog() -> int:
    """In the child: import every node type; returns how many there are."""
    return len(catalog().all())


def stored(result: Any, keep: tuple[Storage, str] | None) -> Any:
    """In the child: a long list, or what a generator gives, by its name in the payload store."""
    if isinstance(result, Generator):
        items: Iterable[Any] = (item for piece in pieces_of(result, MEASURED) for item in plain(piece))
        return list(items) if keep is None else keep[0].keep(keep[1], items)
    if keep is not None and isinstance(result, list) and len(result) > keep[0].long_items:
        return keep[0].keep(keep[1], plain(result))
    return result


def call_function(type_id: str, version: int, arguments: bytes) -> Any:
    """In the child: what the node's function returns. Raises NodeError, or Crash for anything else."""
    node_type = catalog().require(type_id, version)
    batch, services, keep = pickle.loads(arguments)  # noqa: S301  our own parent wrote it
    try:
        return stored(node_type.function(batch, **services), keep)
    except NodeError:
        raise
    except Exception as error:
        # Its own class might not survive the way back.
        raise Crash(f"{type(error).__name__}: {error}") from None

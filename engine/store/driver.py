"""The database's own driver, for the engine's hot path: what both databases' drivers can do.

The ORM costs about ten times as much here. An operation is a generator: it sends statements, and yields where it needs
their answers. SQLite answers at once; on PostgreSQL the operations of a batch advance together, so that one network
round trip serves them all.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol

from engine.store.statement import Statement

Row = Sequence[Any]
Values = Mapping[str, Any]


class Answer(Protocol):
    """The rows of a statement that was sent; read after the next yield."""

    def rows(self) -> Sequence[Row]:
        """All rows, as sequences in the order of the statement's columns."""

    @property
    def count(self) -> int:
        """How many rows the statement changed or returned."""


Operation = Generator[None, None, Any]


class Driver(Protocol):
    """One connection, used by one thread."""

    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...
    def send(self, statement: Statement, values: Values) -> Answer: ...
    def send_many(self, statement: Statement, rows: Sequence[Values]) -> None: ...
    def run(self, operations: Sequence[Operation], until: float | None = None) -> list[Any]: ...
    def run_apart(self, operation: Operation) -> Any: ...
    def committed(self) -> bool: ...
    def is_lost(self, error: BaseException) -> bool: ...


class Reader(Protocol):
    """A borrowed connection for reading."""

    def send(self, statement: Statement, values: Values) -> Answer: ...


def drained(operation: Operation) -> Any:
    """The result of an operation that is answered at once."""
    while True:
        try:
            next(operation)
        except StopIteration as end:
            return end.value

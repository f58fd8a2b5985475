"""SQLite through the standard library's driver, for the engine's hot path."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

import orjson

from engine.store.driver import Answer, Operation, Row, Values, drained
from engine.store.statement import Statement
from engine.store.turnstile import Turnstile


class _Rows:
    __slots__ = ("_rows", "count")

    def __init__(self, rows: Sequence[Row], count: int) -> None:
        self._rows, self.count = rows, count

    def rows(self) -> Sequence[Row]:
        return self._rows


class SqliteReader:
    """Statements on a connection of the standard library's sqlite3."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def send(self, statement: Statement, values: Values) -> Answer:
        cursor = self._connection.execute(statement.numbered, _bound(statement, values))
        rows = cursor.fetchall()
        return _Rows(rows, len(rows) if rows else cursor.rowcount)


class SqliteDriver(SqliteReader):
    """SQLite through the standard library. `begin` waits for the turn to write; `commit` and `rollback` give it on."""

    def __init__(self, path: str, turnstile: Turnstile, busy_milliseconds: int) -> None:
        super().__init__(
            sqlite3.connect(path, isolation_level=None, timeout=busy_milliseconds / 1000, cached_statements=256)
        )
        self._turnstile = turnstile
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")

    def begin(self) -> None:
        self._turnstile.enter()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._turnstile.leave()
            raise

    def commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._turnstile.leave()

    def rollback(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        finally:
            self._turnstile.leave()

    def close(self) -> None:
        self._connection.close()

    def send_many(self, statement: Statement, rows: Sequence[Values]) -> None:
        self._connection.executemany(statement.numbered, [_bound(statement, row) for row in rows])

    def run(self, operations: Sequence[Operation], until: float | None = None) -> list[Any]:
        """Runs operations in order, and stops at the monotonic time `until`; gives the results of those that ran."""
        results = []
        for operation in operations:
            results.append(drained(operation))
            if until is not None and time.monotonic() >= until:
                break
        return results

    def run_apart(self, operation: Operation) -> Any:
        """Runs one operation behind a savepoint: if it raises, only its own writes are undone."""
        self._connection.execute("SAVEPOINT apart")
        try:
            result = drained(operation)
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO apart")
                self._connection.execute("RELEASE apart")
            raise
        self._connection.execute("RELEASE apart")
        return result

    def committed(self) -> bool:
        """SQLite says itself whether a COMMIT that raised took effect: it did not, and was rolled back."""
        return False

    def is_lost(self, error: BaseException) -> bool:
        """Whether the file itself failed (disk full, input/output error, no right to write), not the statement."""
        return isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", 1) & 0xFF not in (1,)


def _bound(statement: Statement, values: Values) -> list[Any]:
    """The values of a statement's numbered parameters; lists as JSON."""
    if statement.lists:
        values = {**values, **{name: orjson.dumps(values[name]).decode() for name in statement.lists}}
    if "clock" in statement.names:
        values = {**values, "clock": time.time_ns() // 1_000_000}
    return [values[name] for name in statement.names]

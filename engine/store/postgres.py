"""PostgreSQL through psycopg, in pipeline mode, for the engine's hot path. JSON comes back as text, as from SQLite."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import orjson
import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.types.json import set_json_loads

from engine.store.driver import Answer, Operation, Row, Values, drained
from engine.store.statement import Statement

HEAVY = 16_384  # characters or bytes of a statement's values that are not worth holding on to
MOST_IDLE = 100  # cursors of one SQL
TUPLES_OK = ExecStatus.TUPLES_OK


class PostgresReader:
    """Statements on a psycopg connection. JSON comes back as text, as it does from SQLite."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def send(self, statement: Statement, values: Values) -> Answer:
        cursor = self._connection.cursor()
        set_json_loads(_as_text, cursor)
        return _Pending(cursor.execute(statement.postgres, values))


# How long we wait for a server that went away without a word: seconds, and the last one milliseconds. The system's own
# defaults are hours.
REACHED: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# The other way round: the server takes back the locks of one who went away, or stands still, within a transaction. It
# does not see one idle behind a pipeline, so from version 17 on the whole transaction has its time: less than a
# writer's patience.
FORSAKEN = """SELECT set_config(name, %s, false) FROM pg_settings
    WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"""
FORSAKEN_AFTER = "5s"


class PostgresDriver:
    """PostgreSQL through psycopg, in pipeline mode. JSON comes back as text, as it does from SQLite."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=2, **REACHED)
        self._connection.prepared_max = 256
        self._connection.execute(FORSAKEN, [FORSAKEN_AFTER])
        self._info = conninfo
        self._transaction = ""
        self._begun: psycopg.Cursor[Any] | None = None
        self._cursors = _Cursors(self._connection)
        set_json_loads(_as_text, self._connection)

    def begin(self) -> None:
        self._transaction, self._begun = "", None
        self._cursors.take_back()

    def _begin(self) -> None:
        """Sends BEGIN, once; inside a pipeline it travels with the first statements."""
        if self._begun is None:
            self._cursors.execute(b"BEGIN")
            # Kept for `committed`: the only sure answer after a COMMIT whose outcome was lost on the way.
            self._begun = self._cursors.execute(b"SELECT pg_current_xact_id()::text")

    def commit(self) -> None:
        if self._begun is None:
            return
        number = self._begun.fetchone()
        self._transaction = number[0] if number else ""
        self._cursors.execute(b"COMMIT")

    def rollback(self) -> None:
        if not self._connection.closed and self._begun is not None:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()

    def send(self, statement: Statement, values: Values) -> Answer:
        return _Pending(self._cursors.execute(statement.postgres, values))

    def send_many(self, statement: Statement, rows: Sequence[Values]) -> None:
        self._cursors.execute(statement.postgres_rows, {"rows": orjson.dumps(rows).decode()})

    def run(self, operations: Sequence[Operation], until: float | None = None) -> list[Any]:
        """Advances all operations together, one round trip per yield; gives their results in order."""
        results: list[Any] = [None] * len(operations)
        waiting = list(enumerate(operations))
        while waiting:
            with self._connection.pipeline():
                self._begin()
                waiting = [
                    (index, operation) for index, operation in waiting if not _advanced(operation, results, index)
                ]
        return results

    def run_apart(self, operation: Operation) -> Any:
        """Runs one operation behind a savepoint: if it raises, only its own writes are undone."""
        self._begin()
        self._connection.execute("SAVEPOINT apart")
        try:
            result = drained(operation)
        except BaseException:
            if not self._connection.closed:
                self._connection.execute("ROLLBACK TO SAVEPOINT apart")
            raise
        self._connection.execute("RELEASE SAVEPOINT apart")
        return result

    def committed(self) -> bool:
        """Whether the last transaction took effect although its COMMIT raised, asked over a new connection."""
        if not self._transaction:
            return False
        with psycopg.connect(self._info, autocommit=True, **REACHED) as connection:
            while True:
                row = connection.execute("SELECT pg_xact_status(%s::xid8)", [self._transaction]).fetchone()
                if not row or row[0] != "in progress":
                    return bool(row and row[0] == "committed")
                time.sleep(0.05)

    def is_lost(self, error: BaseException) -> bool:
        """Whether the connection or the server failed, not the statement."""
        return self._connection.closed or self._connection.broken


class _Pending:
    __slots__ = ("_cursor", "_rows")

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor
        self._rows: Sequence[Row] | None = None

    def rows(self) -> Sequence[Row]:
        if self._rows is None:
            result = self._cursor.pgresult
            self._rows = self._cursor.fetchall() if result is not None and result.status == TUPLES_OK else ()
        return self._rows

    @property
    def count(self) -> int:
        return self._cursor.rowcount


class _Cursors:
    """Cursors that are used again for the SQL they had before.

    Making one costs more than sending a statement with it: it copies all that its connection knows of types.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._idle: defaultdict[bytes, list[psycopg.Cursor[Any]]] = defaultdict(list)
        self._busy: list[tuple[bytes, psycopg.Cursor[Any]]] = []

    def execute(self, sql: bytes, values: Values | None = None) -> psycopg.Cursor[Any]:
        """Sends a statement. What it gives can be read until `take_back`."""
        idle = self._idle[sql]
        cursor = idle.pop() if idle else self._connection.cursor()
        if values is None or not any(isinstance(value, str) and len(value) > HEAVY for value in values.values()):
            self._busy.append((sql, cursor))
        return cursor.execute(sql, values)

    def take_back(self) -> None:
        """Lets all cursors be used again, but those that would go on holding something large."""
        for sql, cursor in self._busy:
            if len(idle := self._idle[sql]) < MOST_IDLE and _is_light(cursor.pgresult):
                idle.append(cursor)
        self._busy.clear()


def _is_light(result: PGresult | None) -> bool:
    if result is None or result.ntuples != 1:
        return result is None or not result.ntuples
    return sum(len(result.get_value(0, column) or b"") for column in range(result.nfields)) < HEAVY


def _as_text(data: str | bytes) -> str | bytes:
    return data


def _advanced(operation: Operation, results: list[Any], index: int) -> bool:
    try:
        next(operation)
    except StopIteration as end:
        results[index] = end.value
        return True
    return False

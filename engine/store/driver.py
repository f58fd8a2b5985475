"""The database's own driver, for the engine's hot path: plain SQL, written once for SQLite and PostgreSQL.

The ORM costs about ten times as much here. A statement is written with `:name` parameters and these words: `{clock}`
the database's clock in milliseconds since 1970; `{share}`, `{lock}` and `{skip}` row locks where the database has them;
`{in:name}` membership in a list parameter; `{turn}` whether no other transaction has its turn now.

An operation is a generator: it sends statements, and yields where it needs their answers. SQLite answers at once; on
PostgreSQL the operations of a batch advance together, so that one network round trip serves them all.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol

import orjson
import psycopg
from psycopg.types.json import set_json_loads

from engine.store.turnstile import Turnstile

# The key of PostgreSQL's advisory lock behind `{turn}`; any number that nothing else in the database uses.
TURN_LOCK = 7_732_911
Row = Sequence[Any]
Values = Mapping[str, Any]


class Statement:
    """One SQL text in the dialects of both databases.

    An INSERT that is used with `send_many` gives the PostgreSQL type of each parameter in `types`: there the rows
    travel as one document, since one statement costs little more than one row. No two rows may have the same key.
    """

    __slots__ = ("postgres", "postgres_rows", "sqlite", "uses_clock")

    def __init__(self, text: str, types: Mapping[str, str] | None = None) -> None:
        text = re.sub(r"\s+", " ", text).strip()
        self.uses_clock = "{clock}" in text
        sqlite = re.sub(r"\{in:(\w+)\}", r"IN (SELECT value FROM json_each(:\1))", text)
        # SQLite lets one writer in at a time: it always is its turn.
        sqlite = sqlite.replace("{clock}", ":clock").replace("{turn}", "1")
        self.sqlite = re.sub(r"\{(share|lock|skip)\}", "", sqlite).strip()
        self.postgres = _in_postgres(text)
        self.postgres_rows = b"" if types is None else _in_postgres(_from_document(text, types))


def _in_postgres(text: str) -> bytes:
    text = re.sub(r"\{in:(\w+)\}", r"= ANY(:\1)", text)
    text = re.sub(r"(?<!:):(\w+)", r"%(\1)s", text)
    return (
        text.replace("{clock}", "(extract(epoch FROM statement_timestamp()) * 1000)::bigint")
        .replace("{share}", "FOR SHARE")
        .replace("{lock}", "FOR UPDATE")
        .replace("{skip}", "FOR UPDATE SKIP LOCKED")
        .replace("{turn}", f"pg_try_advisory_xact_lock({TURN_LOCK})")
    ).encode()


def _from_document(text: str, types: Mapping[str, str]) -> str:
    """`INSERT … VALUES (:a, :b) …` as `INSERT … SELECT r.a, r.b FROM json_to_recordset(:rows) …`.

    JSON columns travel as strings inside that document: read as values, a zero character in them would be refused.
    """
    before, values, after = re.split(r"VALUES \(([^)]*)\)", text, maxsplit=1)
    names = re.findall(r":(\w+)", values)
    taken = ", ".join(f"r.{name}::json" if types[name] == "json" else f"r.{name}" for name in names)
    columns = ", ".join(f"{name} {types[name].replace('json', 'text')}" for name in names)
    return f"{before}SELECT {taken} FROM json_to_recordset(:rows) AS r({columns}){after}"  # noqa: S608 - constants only


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


class _Rows:
    __slots__ = ("_rows", "count")

    def __init__(self, rows: Sequence[Row], count: int) -> None:
        self._rows, self.count = rows, count

    def rows(self) -> Sequence[Row]:
        return self._rows


class Reader(Protocol):
    """A borrowed connection for reading."""

    def send(self, statement: Statement, values: Values) -> Answer: ...


class SqliteReader:
    """Statements on a connection of the standard library's sqlite3."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def send(self, statement: Statement, values: Values) -> Answer:
        cursor = self._connection.execute(statement.sqlite, _bound(statement, values))
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
        self._connection.executemany(statement.sqlite, [_bound(statement, row) for row in rows])

    def run(self, operations: Sequence[Operation], until: float | None = None) -> list[Any]:
        """Runs operations in order, and stops at the monotonic time `until`; gives the results of those that ran."""
        results = []
        for operation in operations:
            results.append(_drained(operation))
            if until is not None and time.monotonic() >= until:
                break
        return results

    def run_apart(self, operation: Operation) -> Any:
        """Runs one operation behind a savepoint: if it raises, only its own writes are undone."""
        self._connection.execute("SAVEPOINT apart")
        try:
            result = _drained(operation)
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


class PostgresReader:
    """Statements on a psycopg connection. JSON comes back as text, as it does from SQLite."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def send(self, statement: Statement, values: Values) -> Answer:
        cursor = self._connection.cursor()
        set_json_loads(_as_text, cursor)
        return _Pending(cursor.execute(statement.postgres, values))


class PostgresDriver:
    """PostgreSQL through psycopg, in pipeline mode. JSON comes back as text, as it does from SQLite."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True, connect_timeout=5, prepare_threshold=2)
        self._connection.prepared_max = 256
        self._info = conninfo
        self._transaction = ""
        self._begun: psycopg.Cursor[Any] | None = None
        set_json_loads(_as_text, self._connection)

    def begin(self) -> None:
        self._transaction, self._begun = "", None

    def _begin(self) -> None:
        """Sends BEGIN, once; inside a pipeline it travels with the first statements."""
        if self._begun is None:
            self._connection.execute("BEGIN")
            # Kept for `committed`: the only sure answer after a COMMIT whose outcome was lost on the way.
            self._begun = self._connection.execute("SELECT pg_current_xact_id()::text")

    def commit(self) -> None:
        if self._begun is None:
            return
        number = self._begun.fetchone()
        self._transaction = number[0] if number else ""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        if not self._connection.closed and self._begun is not None:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()

    def send(self, statement: Statement, values: Values) -> Answer:
        return _Pending(self._connection.execute(statement.postgres, values))

    def send_many(self, statement: Statement, rows: Sequence[Values]) -> None:
        self._connection.execute(statement.postgres_rows, {"rows": orjson.dumps(rows).decode()})

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
            result = _drained(operation)
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
        with psycopg.connect(self._info, autocommit=True, connect_timeout=5) as connection:
            while True:
                row = connection.execute("SELECT pg_xact_status(%s::xid8)", [self._transaction]).fetchone()
                if not row or row[0] != "in progress":
                    return bool(row and row[0] == "committed")
                time.sleep(0.05)

    def is_lost(self, error: BaseException) -> bool:
        """Whether the connection or the server failed, not the statement."""
        return self._connection.closed or self._connection.broken


def _as_text(data: str | bytes) -> str | bytes:
    return data


def _bound(statement: Statement, values: Values) -> Values:
    bound = {name: orjson.dumps(value).decode() if type(value) is list else value for name, value in values.items()}
    if statement.uses_clock:
        bound["clock"] = time.time_ns() // 1_000_000
    return bound


class _Pending:
    __slots__ = ("_cursor", "_rows")

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor
        self._rows: Sequence[Row] | None = None

    def rows(self) -> Sequence[Row]:
        if self._rows is None:
            self._rows = self._cursor.fetchall() if self._cursor.description else ()
        return self._rows

    @property
    def count(self) -> int:
        return self._cursor.rowcount


def _advanced(operation: Operation, results: list[Any], index: int) -> bool:
    try:
        next(operation)
    except StopIteration as end:
        results[index] = end.value
        return True
    return False


def _drained(operation: Operation) -> Any:
    while True:
        try:
            next(operation)
        except StopIteration as end:
            return end.value

"""One door to the database, whichever of the two it is: SQLite or PostgreSQL.

Product code (services) uses `Database.transaction`, an ORM session whose block is one transaction. The engine's hot
path uses `Database.driver` (engine.store.driver), which skips the ORM.

SQLite lets one writer in at a time, and a process that waits for it by polling can starve beside one that never stops
writing. So every write transaction is BEGIN IMMEDIATE inside a turnstile of two file locks: whoever holds `gate` is
next, whoever holds `write` writes. Readers never wait: the journal is a write-ahead log.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import psycopg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlmodel import Session

from engine.settings import settings
from engine.store.driver import Driver, Reader
from engine.store.postgres import REACHED, PostgresDriver, PostgresReader
from engine.store.sqlite import SqliteDriver, SqliteReader
from engine.store.turnstile import Turnstile

BUSY_MILLISECONDS = 10_000


class BadDatabaseUrl(ValueError):
    """DATABASE_URL names no database that Weft can use."""


class DatabaseUnavailable(RuntimeError):
    """The database named by DATABASE_URL does not answer."""

    @property
    def told(self) -> str:
        """The same for people who are not to know where the database is."""
        if re.search(r"disk is full|no space left", str(self), re.IGNORECASE):
            return "The disk of this server is full, so nothing can be recorded. Try again when somebody has made room."
        return "The database does not answer just now. Nothing was changed; try again in a moment."


def parse_url(text: str) -> URL:
    """The SQLAlchemy URL of a DATABASE_URL, with the driver that Weft uses. Raises BadDatabaseUrl.

    Accepts `postgres://`, `postgresql://` (with or without `+psycopg`) and `sqlite:///path`.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise BadDatabaseUrl(
            "DATABASE_URL is not a URL; write sqlite:////path/to/weft.db or postgresql://user:password@host/name"
        ) from None
    family = url.drivername.partition("+")[0]
    if family in ("postgres", "postgresql"):
        if not url.database:
            raise BadDatabaseUrl(f"DATABASE_URL names no database: {url!r}; end it with /name")
        return url.set(drivername="postgresql+psycopg")
    if family == "sqlite":
        if not url.database or url.database == ":memory:":
            raise BadDatabaseUrl(
                "DATABASE_URL must name a file, since several processes share it: sqlite:////path/to/weft.db"
            )
        return url.set(drivername="sqlite")
    raise BadDatabaseUrl(f"DATABASE_URL starts with {family}://; Weft runs on sqlite:/// and postgresql://")


def _is_statements_own(error: OperationalError) -> bool:
    """Whether the database is well and refused the statement: such as a write where only reading was asked for."""
    if isinstance(error.orig, sqlite3.Error):
        return (error.orig.sqlite_errorcode & 0xFF) in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_READONLY)
    return not (error.connection_invalidated or isinstance(error.orig, psycopg.errors.DiskFull))


class Database:
    """One database: pools for reading and for writing, and driver connections for the hot path."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.kind: Literal["sqlite", "postgresql"] = "sqlite" if self.url.drivername == "sqlite" else "postgresql"
        self.turnstile: Turnstile | None = None
        if self.kind == "sqlite":
            self._writes, self._reads = self._open_sqlite()
        else:
            self._writes, self._reads = self._open_postgres()

    @contextmanager
    def transaction(self, write: bool = True) -> Iterator[Session]:
        """One unit of work: commits when the block ends well, rolls back when it raises.

        A write transaction on SQLite holds the one right to write while the block runs: do no network and no hashing
        inside. With `write=False` the database itself refuses writes, and nobody is waited for. Objects stay usable
        after the block.
        Raises DatabaseUnavailable if the database cannot be reached, or has no room left.
        """
        turnstile = self.turnstile if write else None
        if turnstile:
            turnstile.enter()
        try:
            with Session(self._writes if write else self._reads, expire_on_commit=False) as session:
                try:
                    session.connection()
                except OperationalError as error:
                    raise self._unavailable(error) from error
                try:
                    yield session
                    session.commit()
                except OperationalError as error:
                    if _is_statements_own(error):
                        raise
                    raise self._unavailable(error) from error
        finally:
            if turnstile:
                turnstile.leave()

    def driver(self) -> Driver:
        """A connection of the database's own driver, for use by one thread. Raises DatabaseUnavailable."""
        try:
            if self.kind == "sqlite":
                return SqliteDriver(str(self.url.database), cast(Turnstile, self.turnstile), BUSY_MILLISECONDS)
            return PostgresDriver(self.url.set(drivername="postgresql").render_as_string(hide_password=False))
        except (OSError, psycopg.OperationalError) as error:
            raise self._unavailable(error) from error

    @contextmanager
    def exclusive(self) -> Iterator[sa.Connection]:
        """One write transaction on a Core connection, for migrations. Raises DatabaseUnavailable.

        Foreign keys are not enforced meanwhile on SQLite, whose tables are altered by copying.
        """
        if self.turnstile:
            self.turnstile.enter()
        try:
            with self._writes.connect() as connection:
                if self.kind == "sqlite":
                    own: Any = connection.connection.driver_connection
                    own.execute("PRAGMA foreign_keys=OFF")
                with connection.begin():
                    yield connection
                connection.invalidate()
        except OperationalError as error:
            raise self._unavailable(error) from error
        finally:
            if self.turnstile:
                self.turnstile.leave()

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """The driver for a few reads, on a connection of the reading pool. Raises DatabaseUnavailable."""
        try:
            connection = self._reads.connect()
            connection.begin()
        except OperationalError as error:
            raise self._unavailable(error) from error
        with connection:
            own: Any = connection.connection.driver_connection
            try:
                yield SqliteReader(own) if self.kind == "sqlite" else PostgresReader(own)
            except psycopg.OperationalError as error:
                if not own.closed:
                    raise
                connection.invalidate()
                raise self._unavailable(error) from error

    def now(self, session: Session) -> int:
        """The database's clock: milliseconds since 1970 in UTC. SQLite has the clock of its one host."""
        if self.kind == "sqlite":
            return time.time_ns() // 1_000_000
        return int(
            session.connection().scalar(sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")) or 0
        )

    def check(self) -> None:
        """Asks the database for a sign of life. Raises DatabaseUnavailable."""
        try:
            with self._reads.connect() as connection:
                connection.scalar(sa.text("SELECT 1"))
        except OperationalError as error:
            raise self._unavailable(error) from error

    def close(self) -> None:
        """Closes the pooled connections."""
        self._writes.dispose()
        self._reads.dispose()

    def _unavailable(self, error: Exception) -> DatabaseUnavailable:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        return DatabaseUnavailable(
            f"The database {self.url!r} does not answer: {cause[0] if cause else type(error).__name__}"
        )

    def _open_sqlite(self) -> tuple[sa.Engine, sa.Engine]:
        path = Path(str(self.url.database))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnavailable(f"The folder of {self.url!r} cannot be made: {error.strerror}") from error
        self.turnstile = Turnstile(path)
        pragmas = ["PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"]
        writes = _sqlite_engine(self.url, pragmas, "BEGIN IMMEDIATE")
        reads = _sqlite_engine(self.url, [*pragmas, "PRAGMA query_only=ON"], "BEGIN")
        return writes, reads

    def _open_postgres(self) -> tuple[sa.Engine, sa.Engine]:
        writes = sa.create_engine(
            self.url,
            pool_pre_ping=True,
            pool_size=5,
            max_overflow=15,
            connect_args=REACHED,
        )
        return writes, writes.execution_options(postgresql_readonly=True)


def _sqlite_engine(url: URL, pragmas: list[str], begin: str) -> sa.Engine:
    engine = sa.create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": BUSY_MILLISECONDS / 1000},
        pool_size=5,
        max_overflow=15,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver's own transactions would begin late and commit early.
        connection.isolation_level = None
        # Of use before the first table alone, and else a write that waits for every other writer.
        if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


_opened: dict[tuple[int, str], Database] = {}
_opening = threading.Lock()


def database() -> Database:
    """The database of this process's settings."""
    key = (os.getpid(), settings().database_url)
    with _opening:
        if key not in _opened:
            _opened[key] = Database(key[1])
        return _opened[key]


def dispose() -> None:
    """Closes the pooled connections of this process."""
    with _opening:
        for opened in _opened.values():
            opened.close()
        _opened.clear()


@contextmanager
def transaction(write: bool = True) -> Iterator[Session]:
    """`Database.transaction` of this process's database."""
    with database().transaction(write) as session:
        yield session

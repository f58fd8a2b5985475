"""Room that deleted rows leave behind, given back to the disk a piece at a time.

SQLite moves free pages to the end of the file and cuts it off (`auto_vacuum=INCREMENTAL`, which a database has from its
first table on or gets by `compact`). PostgreSQL's VACUUM frees the space of dead rows and cuts off empty pages at a
table's end; nobody waits for it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import psycopg
from psycopg import sql

from engine.store.db import Database

PAGES_AT_ONCE = 1_000
INCREMENTAL = 2
TABLES = ("run", "segment", "step", "attempt", "wait", "payload", "stored_file", "value_change")


def gives_back(data: Database) -> bool:
    """Whether this database can give single pages back; an SQLite file of an early version of Weft cannot."""
    if data.kind == "postgresql":
        return True
    with closing(_sqlite(data)) as connection:
        return bool(connection.execute("PRAGMA auto_vacuum").fetchone()[0] == INCREMENTAL)


def give_back(data: Database) -> bool:
    """Gives some room back. Gives whether there may be more; then call it again. May block for a moment.

    On PostgreSQL all tables of runs are vacuumed at once, as VACUUM gives way to everybody.
    """
    if data.kind == "postgresql":
        _vacuum(data, full=False)
        return False
    with closing(_sqlite(data)) as connection:
        turnstile = data.turnstile
        if turnstile:
            turnstile.enter()
        try:
            # Each step of the statement frees one page, and `execute` would make one step only.
            connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
        finally:
            if turnstile:
                turnstile.leave()
        mode, free = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("auto_vacuum", "freelist_count"))
        more = bool(mode == INCREMENTAL and free > 0)
        if not more:
            # The file is cut off only once the write-ahead log is copied into it. If somebody reads or writes just
            # now, this does nothing and the next time will.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return more


def compact(data: Database) -> None:
    """Writes the database anew without its free room, which needs as much again on the disk. All writers wait.

    An SQLite file can give single pages back from then on. Raises sqlite3.Error or psycopg.Error.
    """
    if data.kind == "postgresql":
        _vacuum(data, full=True)
        return
    with closing(_sqlite(data, patience=10.0)) as connection:
        turnstile = data.turnstile
        if turnstile:
            turnstile.enter()
        try:
            connection.execute(f"PRAGMA auto_vacuum={INCREMENTAL}")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            if turnstile:
                turnstile.leave()


def database_bytes(data: Database) -> int:
    """How much of the disk the database takes."""
    if data.kind == "postgresql":
        with psycopg.connect(_address(data), autocommit=True) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            return int(row[0]) if row else 0
    with closing(_sqlite(data)) as connection:
        pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(pages * size)


def _sqlite(data: Database, patience: float = 0.2) -> sqlite3.Connection:
    return sqlite3.connect(str(data.url.database), isolation_level=None, timeout=patience)


def _address(data: Database) -> str:
    return data.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _vacuum(data: Database, full: bool) -> None:
    words = sql.SQL("VACUUM (FULL)" if full else "VACUUM (TRUNCATE)")
    with psycopg.connect(_address(data), autocommit=True) as connection:
        for table in TABLES:
            connection.execute(words + sql.SQL(" ") + sql.Identifier(table))

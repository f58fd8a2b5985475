"""Brings a database to the shape that this version needs, and says how far it is."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.settings import CHECKOUT

if TYPE_CHECKING:
    from alembic.config import Config

CONFIG_FILE = CHECKOUT / "alembic.ini"
VERSIONS = CHECKOUT / "alembic" / "versions"
READ_VERSION = "SELECT version_num FROM alembic_version"


@dataclass(frozen=True)
class State:
    """Which migration a database has, and which is the newest. `current` is None for an empty database."""

    current: str | None
    newest: str | None

    @property
    def up_to_date(self) -> bool:
        """Whether nothing is left to migrate."""
        return self.current == self.newest


def _config(url: str) -> "Config":
    from alembic.config import Config

    config = Config(str(CONFIG_FILE))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def upgrade(url: str) -> None:
    """Run all migrations that the database at `url` does not have yet.

    Raises:
        BadDatabaseUrl, DatabaseUnavailable: see engine.store.db.
    """
    from alembic import command

    command.upgrade(_config(url), "head")


def state(url: str) -> State:
    """How far the database at `url` is.

    Raises:
        BadDatabaseUrl, DatabaseUnavailable: see engine.store.db.
    """
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from engine.store.db import Database

    newest = ScriptDirectory.from_config(_config(url)).get_current_head()
    database = Database(url)
    try:
        with database.transaction(write=False) as session:
            current = MigrationContext.configure(session.connection()).get_current_revision()
    finally:
        database.close()
    return State(current, newest)


def newest() -> str:
    """The newest migration, by the names of their files, which begin with ascending numbers."""
    return max(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))


def is_current(url: str) -> bool:
    """Whether the database at `url` has all migrations; no to whatever else is the matter with it.

    Goes by the driver alone: alembic takes over a second to load, and most starts have nothing to migrate.
    """
    try:
        return _read_version(url) == newest()
    except Exception:
        return False


def _read_version(url: str) -> str | None:
    if url.startswith("sqlite:///"):
        import sqlite3

        file = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute(READ_VERSION).fetchone()
    else:
        import psycopg

        with psycopg.connect(url.replace("+psycopg", "", 1), connect_timeout=5) as server:
            found = server.execute(READ_VERSION).fetchone()
    return str(found[0]) if found else None

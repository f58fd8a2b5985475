"""Brings a database to the shape that this version needs, and says how far it is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.settings import CHECKOUT

if TYPE_CHECKING:
    from alembic.config import Config

CONFIG_FILE = CHECKOUT / "alembic.ini"


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
        BadDatabaseUrl, DatabaseUnavailable: see engine.db.
    """
    from alembic import command

    command.upgrade(_config(url), "head")


def state(url: str) -> State:
    """How far the database at `url` is.

    Raises:
        BadDatabaseUrl, DatabaseUnavailable: see engine.db.
    """
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from engine.db import Database

    newest = ScriptDirectory.from_config(_config(url)).get_current_head()
    database = Database(url)
    try:
        with database.transaction(write=False) as session:
            current = MigrationContext.configure(session.connection()).get_current_revision()
    finally:
        database.close()
    return State(current, newest)

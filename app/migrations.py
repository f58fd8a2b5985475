"""Brings a database to the shape that this version needs, and says how far it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.settings import CHECKOUT

if TYPE_CHECKING:
    from alembic.config import Config

CONFIG_FILE = CHECKOUT / "alembic.ini"


class DatabaseUnusable(RuntimeError):
    """The database cannot be reached or written. The message is one sentence that says what to do."""


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


@contextmanager
def _said_in_one_sentence(url: str) -> Iterator[None]:
    from sqlalchemy.exc import ArgumentError, DBAPIError

    try:
        yield
    except ArgumentError:
        raise DatabaseUnusable(
            "DATABASE_URL is not an address: write it like postgresql://user:password@host:5432/weft."
        ) from None
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        address = url.rpartition("@")[2] if "@" in url else url.partition("://")[2]
        raise DatabaseUnusable(
            f"The database {address} cannot be used ({reason}): start it, or correct DATABASE_URL."
        ) from None


def upgrade(url: str) -> None:
    """Run all migrations that the database at `url` does not have yet.

    Raises:
        DatabaseUnusable: it cannot be reached or written.
    """
    from alembic import command

    with _said_in_one_sentence(url):
        command.upgrade(_config(url), "head")


def state(url: str) -> State:
    """How far the database at `url` is.

    Raises:
        DatabaseUnusable: it cannot be reached.
    """
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from engine import db

    with _said_in_one_sentence(url), db.engine(url).connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        newest = ScriptDirectory.from_config(_config(url)).get_current_head()
        return State(current, newest)

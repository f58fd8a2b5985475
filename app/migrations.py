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
    from alembic.config import Config  # noqa: PLC0415 - half a second that most commands do without

    config = Config(str(CONFIG_FILE))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def upgrade(url: str) -> None:
    """Run all migrations that the database at `url` does not have yet."""
    from alembic import command  # noqa: PLC0415

    command.upgrade(_config(url), "head")

"""What alembic runs: the migrations of `versions/` on the database of the settings, SQLite or PostgreSQL.

The whole upgrade is one transaction: a migration that fails leaves the database as it was.
"""

from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from engine.models import Instant  # importing the package registers all tables
from engine.settings import settings
from engine.store.db import Database

# Taken for the upgrade, so that several processes started together migrate once (any fixed number serves).
LOCK_NUMBER = 7_239_114_053


def _plain(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Column types as SQLAlchemy's own, so that a migration stays true when our classes change."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


def _lock(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK_NUMBER})


def _migrate(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        # SQLite cannot alter a table in place: alembic copies it.
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=_plain,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        _lock(connection)
        context.run_migrations()


def _migrate_online() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    database = Database(context.config.get_main_option("sqlalchemy.url") or settings().database_url)
    try:
        with database.exclusive() as connection:
            _migrate(connection)
    finally:
        database.close()


def _print_sql() -> None:
    """`alembic upgrade head --sql`: the statements, for those who run them by hand."""
    url = context.config.get_main_option("sqlalchemy.url") or settings().database_url
    context.configure(url=url, target_metadata=SQLModel.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    _print_sql()
else:
    _migrate_online()

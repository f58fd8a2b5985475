"""The migrations build what the models say, on both databases, and can be taken back."""

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

import engine.models  # noqa: F401 - registers all tables
from app.migrations import CONFIG_FILE
from engine.store.db import Database


def config(url: str) -> Config:
    made = Config(str(CONFIG_FILE))
    made.set_main_option("sqlalchemy.url", url)
    return made


def test_models_and_migrations_agree(any_database: str) -> None:
    database = Database(any_database)
    with database.exclusive() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    database.close()


def test_an_upgrade_of_the_newest_changes_nothing_and_a_downgrade_leaves_nothing(any_database: str) -> None:
    command.upgrade(config(any_database), "head")
    command.downgrade(config(any_database), "base")
    database = Database(any_database)
    with database.exclusive() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
    database.close()
    command.upgrade(config(any_database), "head")


def test_every_table_but_people_and_workspaces_names_its_workspace() -> None:
    without = {name for name, table in SQLModel.metadata.tables.items() if "workspace_id" not in table.columns}
    assert without == {"user_account", "workspace"}

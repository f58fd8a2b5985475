"""The migrations build what the models say, on both databases, and can be taken back."""

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlmodel import SQLModel, col

from app.migrations import CONFIG_FILE
from engine.models import Attempt, Run, Step, Wait, new_id
from engine.store.db import Database
from tests.engine.seed import seed


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


def test_rows_of_an_older_database_are_kept(any_database: str) -> None:
    database = Database(any_database)
    made = seed(database)
    key = {"run_id": new_id(), "workspace_id": made.workspace_id}
    run = Run(
        id=key["run_id"],
        workspace_id=made.workspace_id,
        workflow_id=made.workflow_id,
        version_id=made.version_id,
        source="manual",
        input={},
    )
    with database.transaction() as session:
        session.add(run)
        session.flush()
        session.add(Step(**key, node_id="a", status="waiting", output={"main": {"v": 1}}))
        session.add(Step(**key, node_id="a", scope="loop.3", status="done"))
        session.add(Wait(**key, node_id="a", kind="timer"))
        session.add(Attempt(**key, node_id="a", number=1, started_at=1, deadline=2))
    command.downgrade(config(any_database), "0001")
    command.upgrade(config(any_database), "head")
    with database.transaction(write=False) as session:
        (step,) = session.scalars(sa.select(Step)).all()
        assert (step.scope, step.node_id, step.output) == ("", "a", {"main": {"v": 1}})
        assert session.scalars(sa.select(col(Wait.scope))).all() == [""]
        assert session.scalars(sa.select(col(Attempt.number))).all() == [1]
    database.close()

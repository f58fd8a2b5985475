"""The door to the database: addresses, units of work, whose turn it is to write, and what is refused."""

import multiprocessing
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from engine.models import Workspace, new_id, now, to_ms
from engine.store.db import BadDatabaseUrl, Database, DatabaseUnavailable, database, parse_url, transaction
from engine.store.statement import Statement
from engine.store.turnstile import Turnstile
from tests.engine.seed import seed
from tests.servers import PostgresServer


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("sqlite:////var/weft.db", "sqlite:////var/weft.db"),
        ("sqlite+pysqlite:////var/weft.db", "sqlite:////var/weft.db"),
        ("postgres://u:p@host/weft", "postgresql+psycopg://u:p@host/weft"),
        ("postgresql://host:5433/weft", "postgresql+psycopg://host:5433/weft"),
        ("postgresql+psycopg2://host/weft", "postgresql+psycopg://host/weft"),
    ],
)
def test_an_address_is_read(given: str, taken: str) -> None:
    assert parse_url(given).render_as_string(hide_password=False) == taken


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "is not a URL"),
        ("mysql://host/weft", "starts with mysql"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("postgresql://host", "names no database"),
    ],
)
def test_a_wrong_address_is_refused_in_words(url: str, said: str) -> None:
    with pytest.raises(BadDatabaseUrl, match=said):
        parse_url(url)


@pytest.mark.parametrize(
    "url", ["postgresql://postgres:hunter22@127.0.0.1:1/weft", "sqlite:////proc/weft/never/weft.db"]
)
def test_an_absent_database_is_named_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        Database(url).check()
    assert "hunter22" not in str(caught.value)
    assert url.rpartition("/")[2] in str(caught.value) or "cannot be made" in str(caught.value)


def test_a_unit_of_work_commits_or_leaves_nothing(any_database: str) -> None:
    with transaction() as session:
        kept = Workspace(name="Kept", slug=new_id())
        session.add(kept)
    with pytest.raises(RuntimeError, match="stop"), transaction() as session:
        session.add(Workspace(name="Lost", slug=new_id()))
        session.flush()
        raise RuntimeError("stop")
    with transaction(write=False) as session:
        assert session.scalars(sa.select(Workspace.name)).all() == ["Kept"]  # type: ignore[call-overload]
    # Usable after its transaction, without another look at the database.
    assert kept.name == "Kept"


def test_a_reading_transaction_cannot_write(any_database: str) -> None:
    with pytest.raises(DBAPIError, match="read"), transaction(write=False) as session:
        session.add(Workspace(name="Lost", slug=new_id()))
        session.flush()


def test_sqlite_is_as_safe_as_it_can_be(sqlite_url: str) -> None:
    with transaction() as session:
        connection = session.connection()
        pragmas = {name: connection.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")}
        assert pragmas == {"journal_mode": "wal", "synchronous": 2}
        assert connection.scalar(sa.text("PRAGMA foreign_keys")) == 1


def test_a_write_inside_a_write_is_refused_instead_of_waiting_for_ever(sqlite_url: str) -> None:
    with transaction(), pytest.raises(RuntimeError, match="inside another"), transaction():
        pass


def test_the_clock_is_the_databases(any_database: str) -> None:
    with transaction(write=False) as session:
        assert abs(database().now(session) - to_ms(now())) < 5_000


def add_up(url: str, slug: str, times: int) -> None:
    data = Database(url)
    for _ in range(times):
        with data.transaction() as session:
            row = session.scalars(sa.select(Workspace).filter_by(slug=slug).with_for_update()).one()
            row.name = str(int(row.name) + 1)
    data.close()


def test_no_update_is_lost_between_processes(any_database: str) -> None:
    with transaction() as session:
        session.add(Workspace(name="0", slug="sum"))
    context = multiprocessing.get_context("spawn")
    adding = [context.Process(target=add_up, args=(any_database, "sum", 25)) for _ in range(3)]
    for process in adding:
        process.start()
    add_up(any_database, "sum", 25)
    for process in adding:
        process.join()
    with transaction(write=False) as session:
        assert session.scalars(sa.select(Workspace).filter_by(slug="sum")).one().name == "100"


def test_turns_are_taken_in_the_order_of_asking(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "file")
    order: list[str] = []

    def hog() -> None:
        for number in range(50):
            turnstile.enter()
            order.append(f"hog {number}")
            time.sleep(0.005)
            turnstile.leave()

    def guest() -> None:
        turnstile.enter()
        order.append("guest")
        turnstile.leave()

    hogging = threading.Thread(target=hog)
    hogging.start()
    while len(order) < 10:
        time.sleep(0.001)
    asked_after = len(order)
    visiting = threading.Thread(target=guest)
    visiting.start()
    visiting.join()
    hogging.join()
    assert order.index("guest") <= asked_after + 3


def test_rows_of_a_seed_name_their_workspace(any_database: str) -> None:
    rows = seed(database())
    with transaction(write=False) as session:
        assert session.get(Workspace, rows.workspace_id) is not None


def test_a_new_connection_reads_while_somebody_writes(sqlite_url: str) -> None:
    writer, other = Database(sqlite_url), Database(sqlite_url)
    with writer.transaction() as session:
        seen: list[object] = []

        def look() -> None:
            with other.transaction(write=False) as reading:
                seen.append(reading.scalar(sa.select(sa.func.count()).select_from(Workspace)))

        thread = threading.Thread(target=look)
        thread.start()
        thread.join(5)
        session.add(Workspace(name="New", slug=new_id()))
        assert seen == [0]
    thread.join()
    writer.close()
    other.close()


def test_a_database_that_goes_away_while_it_is_read_is_told(own_postgres: PostgresServer) -> None:
    one = Statement("SELECT 1")
    data = Database(own_postgres.url())
    with pytest.raises(DatabaseUnavailable), data.reader() as driver:
        driver.send(one, {})
        own_postgres.kill()
        driver.send(one, {})
    own_postgres.start()
    with data.reader() as driver:
        assert driver.send(one, {}).rows() == [(1,)]
    data.close()

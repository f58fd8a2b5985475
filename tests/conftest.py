"""Fixtures that every test may use: fresh settings, real databases, a real Valkey, no network."""

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
import redis
import structlog

from engine.settings import settings
from tests import network
from tests.servers import PostgresServer, S3Server, ValkeyServer

# `./weft test` starts one of each for all workers and hands their addresses over here.
VALKEY_URL = "WEFT_TEST_VALKEY_URL"
POSTGRES_URL = "WEFT_TEST_POSTGRES_URL"
S3_URL = "WEFT_TEST_S3_URL"

network.block()

# Rich would draw each frame of a stack trace with all that its variables hold, which takes most of a minute.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# `./weft test` asks the same questions each time, so that a change is judged by itself; a run of pytest alone looks
# for new ones, and says how to ask them again.
hypothesis.settings.register_profile("steady", derandomize=True, print_blob=True, deadline=None)
hypothesis.settings.register_profile("searching", print_blob=True, deadline=None)
hypothesis.settings.load_profile("steady" if VALKEY_URL in os.environ else "searching")


@pytest.fixture(autouse=True)
def fresh_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has a home of its own and sees none of the developer's settings."""
    for name in [*os.environ]:
        if (
            name in ("PORT", "DATABASE_URL", "REDIS_URL", "PUBLIC_URL")
            or (name.startswith("WEFT_") and not name.startswith("WEFT_TEST_"))
            or name.startswith("AWS_")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WEFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WEFT_ALLOW_PRIVATE_NETWORK", "127.0.0.1")
    settings.cache_clear()
    yield
    settings.cache_clear()


def _worker_number() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@pytest.fixture(scope="session")
def valkey_server_url() -> Iterator[str]:
    """The Valkey of this test process: one database of the shared server, or a server of its own."""
    shared = os.environ.get(VALKEY_URL)
    if shared:
        yield f"{shared.partition('?')[0]}?db={_worker_number() + 1}"
        return
    server = ValkeyServer().start()
    yield server.url(database=1)
    server.stop()


@pytest.fixture
def valkey_url(valkey_server_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty Valkey database; it is also what the settings name."""
    with redis.Redis.from_url(valkey_server_url) as client:
        client.flushdb()
    monkeypatch.setenv("REDIS_URL", valkey_server_url)
    settings.cache_clear()
    return valkey_server_url


@pytest.fixture
def own_valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[ValkeyServer]:
    """A Valkey for this test alone, which it may kill and start again; it is also what the settings name."""
    server = ValkeyServer().start()
    monkeypatch.setenv("REDIS_URL", server.url())
    settings.cache_clear()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """The PostgreSQL of this test process, by the address of its database `postgres`."""
    shared = os.environ.get(POSTGRES_URL)
    if shared:
        yield shared
        return
    server = PostgresServer().start()
    yield server.url()
    server.stop()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for this test alone, which it may kill and start again."""
    server = PostgresServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The S3 store of this test process: the shared one, or its own."""
    shared = os.environ.get(S3_URL)
    server = S3Server(shared) if shared else S3Server().start()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, which the settings name as the place of payloads."""
    name = f"weft-{secrets.token_hex(8)}"
    s3_server.make(name)
    monkeypatch.setenv("WEFT_PAYLOADS", f"s3://{name}/some/prefix")
    monkeypatch.setenv("WEFT_S3_ENDPOINT", s3_server.url)
    monkeypatch.setenv("WEFT_S3_REGION", "us-east-1")
    monkeypatch.setenv("WEFT_S3_ACCESS_KEY_ID", "weft")
    monkeypatch.setenv("WEFT_S3_SECRET_ACCESS_KEY", "not to be shown")
    settings.cache_clear()
    return name


def _with_database(server_url: str, name: str) -> str:
    return f"{server_url.rpartition('/')[0]}/{name}"


def _run_sql(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _create_schema(url: str) -> None:
    """The tables of the product, by its own migrations."""
    from app import migrations  # noqa: PLC0415 - tests without a database do without SQLAlchemy

    migrations.upgrade(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied for each test."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _create_schema(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server_url: str) -> str:
    """The name of a migrated PostgreSQL database, to be copied for each test."""
    name = f"weft_template_{_worker_number()}"
    _run_sql(postgres_server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    _create_schema(_with_database(postgres_server_url, name))
    return name


def _close_connections() -> None:
    if "engine.store.db" in sys.modules:
        sys.modules["engine.store.db"].dispose()


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A migrated and empty SQLite database; it is also what the settings name."""
    path = tmp_path / "test.db"
    shutil.copyfile(sqlite_template, path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    settings.cache_clear()
    yield f"sqlite:///{path}"
    _close_connections()


@pytest.fixture
def postgres_url(postgres_server_url: str, postgres_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A migrated and empty PostgreSQL database; it is also what the settings name."""
    name = f"weft_test_{_worker_number()}"
    _run_sql(
        postgres_server_url,
        f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
        f"CREATE DATABASE {name} TEMPLATE {postgres_template} STRATEGY wal_log",
    )
    url = _with_database(postgres_server_url, name)
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    yield url
    _close_connections()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest) -> str:
    """A migrated and empty database; a test that asks for it runs on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def database_url(any_database: str) -> str:
    """The address of `any_database`."""
    return any_database

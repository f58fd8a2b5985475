"""The commands of `./weft`. Imports are inside the commands, so that each loads only what it needs."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Weft: draw AI workflows, run them durably, watch every item flow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
payloads = typer.Typer(help="Where large values and files lie.", no_args_is_help=True)
app.add_typer(payloads, name="payloads")


def say(sentence: str) -> None:
    """Tell the person at the terminal what is going on."""
    print(sentence, flush=True)


@app.command()
def up() -> None:
    """Start everything: Valkey, workers, scheduler and web server. Ctrl-C stops it."""
    from app import stack
    from engine.settings import settings

    stack.run(settings(), say)


@app.command()
def web() -> None:
    """Run the web server alone: pages, REST and webhooks on one port."""
    from app import frontend
    from app import web as server
    from engine.settings import settings

    frontend.build(settings().home, say)
    server.serve(settings())


@app.command()
def worker() -> None:
    """Run one worker, which executes workflow runs."""
    from engine import telemetry, traces, workerprocess
    from engine.settings import settings

    telemetry.configure("worker", settings())
    traces.configure("worker", settings().otlp_endpoint)
    workerprocess.main()
    traces.close()


@app.command()
def scheduler() -> None:
    """Run the scheduler: due schedules, waits that are over, runs to be picked up again."""
    from engine import scheduler as engine_scheduler
    from engine import telemetry
    from engine.settings import settings

    telemetry.configure("scheduler", settings())
    engine_scheduler.main()


@app.command()
def migrate() -> None:
    """Bring the database to the shape that this version needs."""
    from app import migrations
    from engine.settings import settings

    migrations.upgrade(settings().database_url)
    say("The database is up to date.")


@app.command()
def compact() -> None:
    """Write the database anew without free room; all writing waits. Needs as much room again while it works."""
    import sqlite3

    import psycopg

    from engine.store import space
    from engine.store.db import database

    before = space.database_bytes(database())
    try:
        space.compact(database())
    except (sqlite3.Error, psycopg.Error) as error:
        say(f"The database could not be compacted: {str(error).strip()}. Nothing was changed.")
        raise typer.Exit(1) from None
    say(f"The database had {before / 1e6:,.1f} MB and has {space.database_bytes(database()) / 1e6:,.1f} MB now.")


@payloads.command("copy")
def copy_payloads(
    back: Annotated[bool, typer.Option("--back", help="From the bucket to the folder instead.")] = False,
) -> None:
    """Copy all payloads from the folder in WEFT_HOME to the bucket that WEFT_PAYLOADS names; each is verified.

    What is there already is left, so it can be broken off, and repeated for what was stored meanwhile.
    """
    from engine.settings import settings
    from engine.store import copying
    from engine.store.storage import folder_of, place_of

    if not settings().payloads:
        raise typer.BadParameter("WEFT_PAYLOADS names no bucket: set it, such as WEFT_PAYLOADS=s3://bucket/prefix")
    folder, bucket = folder_of(settings()), place_of(settings())
    source, target = (bucket, folder) if back else (folder, bucket)

    def tell(done: copying.Copied) -> None:
        say(f"{done.count:,} payloads copied ({done.bytes / 1e6:,.1f} MB), {done.there:,} were there.")

    say(f"From {source} to {target}.")
    done = copying.copy(source, target, tell)
    tell(done)
    for name in done.damaged:
        say(f"Damaged, and not copied: {name}")
    if done.damaged:
        raise typer.Exit(1)


@app.command("rotate-key")
def rotate_key(
    former: Annotated[Path, typer.Argument(help="A file that holds the secret key used until now.")],
) -> None:
    """Seal all accounts with the present secret key, after it was changed. Stop Weft before."""
    from engine.settings import key_from
    from engine.store import vault
    from engine.store.db import database

    try:
        until_now = vault.Vault(key_from(former.read_text()))
    except OSError as error:
        raise typer.BadParameter(f"{former} cannot be read: {error.strerror}") from None
    count = vault.rewrap_all(database(), until_now, vault.vault())
    left = vault.sealed_otherwise(database(), vault.vault())
    say(f"{count} accounts are sealed with the present key.")
    if left:
        say(f"{left} more were sealed with yet another key: run this again with a file that holds that one.")
        raise typer.Exit(1)


@app.command(hidden=True)
def prepare() -> None:
    """What `up` does before it starts the parts: migrate, and create the owner that the settings name."""
    from app import migrations
    from engine.settings import settings

    migrations.upgrade(settings().database_url)
    if settings().owner_email or settings().owner_password:
        from app import owner

        owner.create_from_settings(settings(), say)


@app.command()
def doctor() -> None:
    """Say what is configured, what is reachable, and what is out of date."""
    from app import doctor as diagnosis
    from engine.settings import settings

    findings = diagnosis.examine(settings())
    say(diagnosis.report(findings))
    if not diagnosis.healthy(findings):
        raise typer.Exit(1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run all checks and tests; further arguments go to pytest, such as: ./weft test tests/engine -k vault."""
    from tests import suite

    raise typer.Exit(suite.run(context.args, say))


@app.command()
def check() -> None:
    """Run ruff, mypy and import-linter, without the tests."""
    from tests import suite

    raise typer.Exit(suite.check(say))


@app.command()
def bench(
    parts: Annotated[list[str] | None, typer.Argument(help="Some of a, b, c (with d) and e; all if none.")] = None,
) -> None:
    """Measure this machine, and print one table; nothing else should run meanwhile."""
    from benchmarks.__main__ import main as measure

    measure(parts or [])


@app.command()
def lock() -> None:
    """Pin every package of requirements/*.in again, with hashes."""
    from app import requirements

    requirements.lock(say)


@app.command()
def docs() -> None:
    """Write the pages that are made from the code again: nodes, REST, states."""
    from app import reference

    for path in reference.write():
        say(f"  {path}")


@app.command("new-integration")
def new_integration(
    name: Annotated[str, typer.Argument(help="What it is called in code: lower case, such as slack.")],
) -> None:
    """Make a new integration: one node that calls a service, and the data file that tests it."""
    from app.scaffold import create

    say("Made:")
    for path in create(name):
        say(f"  {path}")
    say(f"Try it: ./weft test tests/integrations -k {name}")


def main() -> None:
    """Run one command; every error becomes a sentence and an exit code."""
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _run() -> None:
    try:
        app(prog_name="./weft")
    except Exception as error:
        from app import failures

        print(failures.account(error), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()

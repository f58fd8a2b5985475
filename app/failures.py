"""How a command fails: in a sentence for the terminal; the stack trace of what nobody foresaw goes to a log."""

import errno
import traceback
from datetime import UTC, datetime
from pathlib import Path

from engine.settings import Settings, SettingsError, settings
from engine.telemetry import hide_secrets

SENTENCES = {
    errno.ENOSPC: "The disk is full",
    errno.EDQUOT: "The disk quota is used up",
    errno.EROFS: "The file system is read-only",
    errno.EACCES: "Access is denied",
}


LAST_LINES = 6
LAST_CHARACTERS = 10_000


class Failure(RuntimeError):
    """Something that a person can put right. The message is a sentence for the terminal that says how."""


def account(error: Exception) -> str:
    """What to print for an error that ended a command."""
    from engine.store.db import BadDatabaseUrl, DatabaseUnavailable
    from engine.store.places import StoreUnavailable

    if isinstance(error, Failure | SettingsError | BadDatabaseUrl | DatabaseUnavailable):
        return str(error)
    if isinstance(error, StoreUnavailable):
        return f"{error.message}\n{error.cause}"
    return _record(error)


def last_words(log: Path) -> str:
    """The end of a log, for the terminal; of a Python stack trace only what was raised."""
    text = log.read_text(errors="replace").strip()
    return "\n".join(text.splitlines()[-1 if "Traceback" in text[-LAST_CHARACTERS:] else -LAST_LINES :])


def _record(error: Exception) -> str:
    """Write the stack trace into `logs/errors.log` of the home, and give the sentence to print."""
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        said = f"{SENTENCES.get(error.errno or 0, error.strerror or str(error))}{place}."
    try:
        log = _home() / "logs" / "errors.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(f"{datetime.now(UTC).isoformat()}\n")
            file.write(hide_secrets("".join(traceback.format_exception(error))))
    except OSError:
        return str(hide_secrets(said))
    return f"{hide_secrets(said)}\nDetails are in {log}."


def _home() -> Path:
    try:
        return settings().home
    except SettingsError:
        default: Path = Settings.model_fields["home"].default
        return default

"""Logs: structured, tagged with the run and step they belong to, and free of secrets."""

import logging
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO
from urllib.parse import unquote

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, reset_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from engine.settings import Settings

__all__ = ["InStep", "bind_contextvars", "clear_contextvars", "configure", "get_logger", "tagged"]

HIDDEN = "[hidden]"
SECRET_NAME = re.compile(
    r"password|passwd|passphrase|secret|token|api[-_]?key|authorization|cookie|credential|private[-_]?key|session[-_]?id",
    re.IGNORECASE,
)
URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)@")
BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
ONE_TIME = re.compile(r"(?<=/c/)[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
PARAMETER = re.compile(r"(?<=[?&#])([^=&#?\s\"'<>]{1,100})=([^&#\s\"'<>]+)")
# In a query short names carry secrets too that elsewhere are ordinary words: ?key=, ?sig=, ?code=
SECRET_PARAMETER = re.compile(
    rf"{SECRET_NAME.pattern}|auth|pwd|signature|^sig$|^code$"
    r"|(access|subscription|app|application|client|license|service|account)[-_]?key|^(x-)?key$",
    re.IGNORECASE,
)
SHORTEST_SECRET = 4  # a shorter one would blank out ordinary words

_secrets: ContextVar[tuple[str, ...]] = ContextVar("weft_secrets_in_use", default=())


@contextmanager
def tagged(**tags: str) -> Iterator[None]:
    """Lines logged within the block carry these names.

    structlog's own `bound_contextvars` copies the whole context, which cost as much as a template does.
    """
    tokens = bind_contextvars(**tags)
    try:
        yield
    finally:
        reset_contextvars(**tokens)


class InStep:
    """Around the calls of a step: lines logged inside carry its id, and none shows what `hide_from_here` names there.

    A class, since it stands around every call and a generator takes three times as long.
    """

    __slots__ = ("_hidden", "_step_id", "_tags")

    def __init__(self, step_id: str) -> None:
        self._step_id = step_id

    def __enter__(self) -> None:
        self._tags = bind_contextvars(step_id=self._step_id)
        self._hidden = _secrets.set(_secrets.get())

    def __exit__(self, *raised: object) -> None:
        _secrets.reset(self._hidden)
        reset_contextvars(**self._tags)


def hide_from_here(*values: str) -> None:
    """From here to the end of the `InStep` block around, and in tasks started there, no log line shows these values."""
    _secrets.set(_secrets.get() + tuple(value for value in values if len(value) >= SHORTEST_SECRET))


def hide_secrets(value: object) -> Any:
    """A copy of plain data without secrets, known by the name of their key, their form, or `hide_from_here`."""
    if isinstance(value, str):
        for secret in _secrets.get():
            value = value.replace(secret, HIDDEN)
        value = ONE_TIME.sub(HIDDEN, value) if "/c/" in value else value
        value = PARAMETER.sub(_parameter, value) if "=" in value else value
        return BEARER.sub(rf"\1 {HIDDEN}", URL_PASSWORD.sub(rf"\1:{HIDDEN}@", value))
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if SECRET_NAME.search(str(key)) and held not in (None, "") else hide_secrets(held)
            for key, held in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [hide_secrets(held) for held in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return hide_secrets(str(value))


def hide_in_fields(fields: Mapping[str, Any], sent: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a call without secrets; those in `sent` hold parameters or headers, by name."""
    return {name: _sent(held) if name in sent else hide_secrets({name: held})[name] for name, held in fields.items()}


def _sent(held: object) -> Any:
    if not isinstance(held, Mapping):
        return hide_secrets(held)
    return {
        name: HIDDEN if SECRET_PARAMETER.search(str(name)) and value not in (None, "") else hide_secrets(value)
        for name, value in held.items()
    }


def _parameter(found: re.Match[str]) -> str:
    name = found[1]
    return f"{name}={HIDDEN}" if SECRET_PARAMETER.search(unquote(name)) else found[0]


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # structlog keeps its own record under names with an underscore, which a later processor reads.
    return {key: held if key.startswith("_") else hide_secrets({key: held})[key] for key, held in event.items()}


def _of(service: str) -> Processor:
    """Names the part of the installation, in the lines of every thread."""

    def name(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {"service": service, **event}

    return name


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module; `run_id` and `step_id` come along by themselves once bound."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure(service: str, config: Settings, stream: TextIO | None = None) -> None:
    """Send all logs of this process, those of libraries too, to one place in one form.

    Args:
        service: which part this process is: web, worker, scheduler, stack, …
        config: log level and format.
        stream: where lines go; standard error by default.
    """
    stream = stream or sys.stderr
    as_json = config.log_format == "json" or (config.log_format == "auto" and not stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _of(service),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ExtraAdder(),
    ]
    last: list[Processor] = (
        [structlog.processors.format_exc_info, _redact, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.processors.format_exc_info, _redact, structlog.dev.ConsoleRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config.log_level.upper())
    for chatty in ("httpx", "httpx2", "httpcore", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    clear_contextvars()

"""The web process: pages, REST, webhooks and live updates on one port."""

import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine import telemetry, traces
from engine.settings import Settings, settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# How Reflex is told to serve a front end that is compiled already. The names with underscores are its own,
# and may change with its version: tests/app/test_stack.py starts the real thing.
REFLEX: Mapping[str, str] = {
    "REFLEX_ENV_MODE": "prod",
    "REFLEX_TELEMETRY_ENABLED": "false",
    "REFLEX_CHECK_LATEST_VERSION": "false",
    "__REFLEX_SKIP_COMPILE": "true",
    "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
}
LAST_REQUESTS_SECONDS = 5


def application() -> "ASGIApp":
    """The whole web application, for an ASGI server to run; the environment must hold `REFLEX`."""
    telemetry.configure("web", settings())
    traces.configure("web", settings().otlp_endpoint)
    _name_frozen_modules()
    from app.api.edge import Edge
    from app.api.webhooks import webhooks
    from app.app import app
    from app.serving import guarded

    return guarded(settings().public_url)(_hooks_first(Edge(webhooks), app()))


def _hooks_first(hooks: "ASGIApp", rest: "ASGIApp") -> "ASGIApp":
    """Send calls from outside straight to their door: the layers of pages and routes took a tenth of a short run."""

    async def entrance(scope: "Scope", receive: "Receive", send: "Send") -> None:
        to_hooks = scope["type"] == "http" and scope["path"].startswith("/hooks/")
        await (hooks if to_hooks else rest)(scope, receive, send)

    return entrance


def _name_frozen_modules() -> None:
    """Tell `inspect` which modules the import system's own frames belong to, in its cache of file names.

    Reflex asks for the whole stack at each `rx.asset`. For a frame whose file has no module, `inspect` looks through
    all loaded modules every time, which made up a second of a start of two and a half.
    """
    for name in ("importlib._bootstrap", "importlib._bootstrap_external"):
        inspect.modulesbyfile[str(Path(f"<frozen {name}>").absolute())] = name


def serve(config: Settings) -> None:
    """Serve until a signal says stop. The front end must have been built."""
    os.environ.update(REFLEX, REFLEX_DIR=str(config.home / "reflex"))
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    Server(
        "app.web:application",
        factory=True,
        address=config.host,
        port=config.port,
        interface=Interfaces.ASGI,
        log_level=LogLevels.warning,
        workers_kill_timeout=LAST_REQUESTS_SECONDS,
    ).serve()

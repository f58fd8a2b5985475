"""A node in a dry run: what it would send is shown, not sent, and something else stands for what it would give."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

from engine.broadcast import Mapped, Once, Value
from engine.broadcast.collecting import ERROR
from engine.contract import Costs, Credentials, Files, Idempotency, Lists, Log, NodeType, Progress, RunInfo
from engine.contract.http import HttpClient
from engine.contract.rehearsal import NotSent, RehearsingClient
from engine.run.failures import without, without_secrets
from engine.run.history import Unpack
from engine.run.redo import by_path
from engine.telemetry import get_logger, hide_secrets

# What a function may ask for and still do nothing outside when its requests are not sent.
HARMLESS = frozenset({HttpClient, Costs, Credentials, Files, Idempotency, Lists, Log, Progress, RunInfo})

log = get_logger(__name__)


async def would_send(
    node_type: NodeType, params: Any, raw: Mapping[str, Any], services: Mapping[str, Any], limit: float
) -> dict[str, Any]:
    """The first request that a call would send: {method, url, headers, body}; else the fields that it was given.

    Only a function whose sole way out is the client for HTTP is called. Secrets are hidden by name; the caller hides
    those that the call has read. Raises NodeError for settings that make no request.
    """
    names = [name for name, wanted in node_type.services.items() if wanted is HttpClient]
    if names and HARMLESS.issuperset(node_type.services.values()):
        rehearsing = {name: RehearsingClient(services[name]) for name in names}
        try:
            async with asyncio.timeout(limit):
                result = node_type.function(params, **{**services, **rehearsing})
                if inspect.isawaitable(result):
                    await result
        except NotSent as sent:
            return dict(hide_secrets(sent.request))
        except TimeoutError:
            log.warning("a node took too long to make its request ready", node_type=node_type.id)
    return {"fields": without_secrets(raw, node_type)}


def hidden(sends: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
    """What would be sent, without the values that the call has read from an account."""
    shown: dict[str, Any] = without(sends, secrets)
    return shown


async def instead_of(  # noqa: PLR0917  what is known of one node
    call: Once | Mapped,
    node_id: str,
    outputs: Mapping[str, Value],
    sent: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    unpack: Unpack,
) -> tuple[Mapping[str, Value], dict[str, Any]]:
    """What follows a rehearsed node gets: the kept output, that of the last run, or the examples as they are.

    Args:
        call: how the node was called.
        node_id: which it is.
        outputs: made of examples.
        sent: what the node's row says so far, of a single call.
        options: the run's, with `pins` and `stand_ins`.
        unpack: reads a value as rows hold it.
    """
    for by, held in (("kept", options.get("pins")), ("last_run", options.get("stand_ins"))):
        known = (held or {}).get(node_id)
        if known is None:
            continue
        instead = {port: Value.from_json(await unpack(one), one.get("o")) for port, one in known["outputs"].items()}
        if fits(call, outputs, instead):
            return instead, {**(sent or {}), "by": by}
    return outputs, {**(sent or {}), "by": "example"}


def fits(call: Once | Mapped, outputs: Mapping[str, Value], instead: Mapping[str, Value]) -> bool:
    """Whether other outputs may stand in the place of these: for a list, the same items of the same origin."""
    if isinstance(call, Once):
        return True
    depth, lead = len(call.axes), call.axes[0]
    good = {port: value for port, value in instead.items() if port != ERROR}
    if not good or any(not value.origin or value.origin[0].origin != lead for value in good.values()):
        return False
    return by_path(good, depth).keys() == by_path(outputs, depth).keys()

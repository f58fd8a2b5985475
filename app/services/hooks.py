"""Calls from outside that start runs: find the webhook, check its secret, start, and give its answer.

This is the busiest door, so what is known of an address is kept for a second and no call asks more of the database than
the one commit that records its run.
"""

import hmac
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from app.services import credentials, files, held_values, plain, triggers, unit
from app.services.access import Actor
from app.services.errors import NotFound, SignedOut
from app.services.limits import Limit, Verdict, limiter
from app.services.triggers import Hook
from engine import lane, launch
from engine.delivery.replies import RunResult
from engine.store.results import Started

KNOWN_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 30.0
CALLS: Final = Limit("webhook", 60_000, 60)
_MOST_KNOWN: Final = 2_000


@dataclass(frozen=True, slots=True)
class Door:
    """A webhook that is on. ``secret`` is the header that a caller must send, if it is guarded by one."""

    hook: Hook
    secret: tuple[str, str] | None

    @property
    def guarded(self) -> bool:
        """Whether a secret is asked for. Without its account nobody can know it, and nobody gets in."""
        return self.hook.params.get("auth") == "header"

    @property
    def waits(self) -> bool:
        """Whether the caller gets the run's result."""
        return self.hook.params.get("respond") == "answer"

    @property
    def here(self) -> bool:
        """Whether the web server itself may walk the run, if it can."""
        return self.waits and self.hook.params.get("runs_in") == "web"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets. ``run_id`` is empty only when nothing was started."""

    status: int
    run_id: str
    body: Any
    headers: Mapping[str, str]
    error: str = ""


_known: OrderedDict[tuple[str, str, str], tuple[float, Door | None]] = OrderedDict()


async def find(slug: str, method: str, path: str) -> Door:
    """The webhook that is on at this address; raises NotFound."""
    key, moment = (slug, method, path), time.monotonic()
    kept = _known.get(key)
    if kept is None or kept[0] < moment:
        kept = (moment + KNOWN_SECONDS, await unit.ask(_find, slug, method, path))
        _known[key] = kept
        while len(_known) > _MOST_KNOWN:
            _known.popitem(last=False)
    if kept[1] is None:
        raise NotFound("webhook")
    return kept[1]


def count(door: Door) -> Verdict:
    """Count a call. Each server process counts for itself here: the limit is there to protect it."""
    return limiter().ask_here(CALLS, door.hook.trigger_id)


def check_secret(door: Door, headers: Mapping[str, str]) -> None:
    """Raise SignedOut unless the call carries the secret header, if one is needed."""
    if not door.guarded:
        return
    name, value = door.secret or ("", "")
    sent = headers.get(name.lower(), "")
    if not value or not hmac.compare_digest(sent.encode(), value.encode()):
        raise SignedOut("This webhook needs its secret header.")


async def keep_file(door: Door, stream: BinaryIO, name: str, media_type: str) -> Any:
    """Store bytes that came with a call, and give the reference that stands in the payload."""
    return files.reference(await unit.ask(files.keep, _caller(door), stream, name, media_type))


async def fire(door: Door, call: Mapping[str, Any], idempotency_key: str | None) -> Answer:
    """Start a run with this call, and wait for its result if the webhook is set so."""
    hook = door.hook
    plain.check(call, "call")
    values: dict[str, Any] = {
        "workspace_id": hook.workspace_id,
        "workflow_id": hook.workflow_id,
        "version_id": hook.version_id,
        "source": "webhook",
        "input": {"trigger": hook.node_id, "payload": call, "inputs": {}},
        "idempotency_key": f"{hook.trigger_id}:{idempotency_key}" if idempotency_key else None,
        "trigger_id": hook.trigger_id,
    }
    started, ended = await _start(door, values)
    taken = {"run_id": started.run_id, "status": started.status}
    if not door.waits:
        return Answer(202, started.run_id, taken, {})
    if ended is None:
        ended = await launch.wait_result(started.run_id, ANSWER_SECONDS, answer=True)
    if ended is not None and ended.answered:
        return await _answer(door, started.run_id, ended.output or {})
    if ended is None or not ended.over:
        return Answer(202, started.run_id, {**taken, "status": "running"}, {})
    if ended.status != "done":
        return Answer(500, started.run_id, None, {}, _reason(ended.error))
    return await _answer(door, started.run_id, ended.output or {})


async def _start(door: Door, values: dict[str, Any]) -> tuple[Started, RunResult | None]:
    """Start the run, and walk it here if the webhook wishes that and the workflow only computes."""
    if door.here:
        here = await lane.lane()
        if await here.takes(door.hook.version_id):
            return await here.run(**values)
    return await launch.start_run(**values, reply=door.waits), None


async def _answer(door: Door, run_id: str, output: Mapping[str, Any]) -> Answer:
    response = output.get("response")
    if response is not None:
        body = await held_values.whole(_caller(door), response["body"])
        return Answer(response["status"], run_id, body, response["headers"])
    return Answer(200, run_id, await held_values.resolved(_caller(door), output), {})


def _reason(error: Mapping[str, Any] | None) -> str:
    # A Stop node's message is meant for the caller; any other error is for the workflow's owner.
    if error and error.get("kind") == "Stopped":
        return str(error.get("message"))
    return "The run failed. Its page says why."


def _caller(door: Door) -> Actor:
    return Actor("", door.hook.workspace_id, "editor", via="webhook")


@unit.reads
def _find(db: Any, slug: str, method: str, path: str) -> Door | None:
    hook = triggers.find_webhook(db, slug, method, path) or triggers.find_webhook(db, slug, "ANY", path)
    if hook is None:
        return None
    secret = None
    if hook.params.get("auth") == "header":
        account = Actor("", hook.workspace_id, "editor", via="webhook")
        secret = credentials.header_of(db, account, str(hook.params.get("account") or ""))
    return Door(hook, secret)

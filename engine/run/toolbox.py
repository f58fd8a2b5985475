"""What a node's function may ask for by the type of a parameter, made for one call and gone with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine import doors
from engine.catalog import catalog
from engine.contract import (
    Answer,
    Chance,
    Costs,
    Credentials,
    Files,
    Idempotency,
    Lists,
    Log,
    NodeType,
    OneTimeAddress,
    Progress,
    RunInfo,
    Store,
)
from engine.contract.http import HttpClient, make_client
from engine.delivery.governor import AccountLimits, Governor
from engine.delivery.rates import Limits
from engine.models import new_id
from engine.run.failures import without
from engine.store.files import RunLists
from engine.store.storage import Storage, storage
from engine.store.vault import Accounts
from engine.telemetry import get_logger, hide_from_here, hide_secrets

MOST_LINES = 200
LONGEST_LINE = 2_000
SHORTEST_SECRET = 4

log = get_logger(__name__)


@dataclass(slots=True)
class CallContext:
    """Where a call stands, and what comes of it beside its result: log lines, secrets read, how far it is.

    `answer`: what settled the call's wait. `wait_id`: that of the wait whose one-time address it was given. `account`:
    the one that was opened last, whose limits hold for what is sent.
    """

    run_id: str
    workflow_id: str
    workspace_id: str
    node_id: str
    item: str
    attempt: int
    generation: int
    now: datetime
    public_url: str
    scope: str = ""
    lines: list[dict[str, str]] = field(default_factory=list)
    left_out: int = 0
    secrets: set[str] = field(default_factory=set)
    stand_in: dict[str, Any] | None = None
    progress: Callable[[int, int | None], None] = lambda done, total: None
    answer: Mapping[str, Any] | None = None
    wait_id: str = ""
    spend: Callable[[float], None] = lambda dollars: None
    account: AccountLimits | None = None

    @property
    def ticket(self) -> str:
        """What a place in a line is reserved under: the same when the call is made again."""
        return ":".join((self.run_id, self.scope, self.node_id, self.item))

    @property
    def told(self) -> list[dict[str, str]]:
        """The log lines; the last one says how many were left out, if any were."""
        if not self.left_out:
            return self.lines
        words = f"{self.left_out:,} lines were left out: a call keeps {MOST_LINES:,} lines."
        return [*self.lines, {"level": "warning", "text": words}]


class CallLog:
    """Log lines kept with the step: at most 200, none with a secret in it."""

    def __init__(self, context: CallContext) -> None:
        self._context = context

    def info(self, message: str) -> None:
        self._add("info", message)

    def warning(self, message: str) -> None:
        self._add("warning", message)

    def _add(self, level: str, message: str) -> None:
        if len(self._context.lines) >= MOST_LINES:
            self._context.left_out += 1
        else:
            text = without(hide_secrets(str(message)), self._context.secrets)[:LONGEST_LINE]
            self._context.lines.append({"level": level, "text": text})
            # The run and the step are bound to every line of a call.
            (log.warning if level == "warning" else log.info)("step.said", text=text)


class CallCosts:
    """Passes on what a call cost."""

    def __init__(self, context: CallContext) -> None:
        self._context = context

    def add(self, dollars: float) -> None:
        self._context.spend(dollars)


class CallProgress:
    """Passes on how far a long call is."""

    def __init__(self, context: CallContext) -> None:
        self._context = context

    def report(self, done: int, total: int | None = None) -> None:
        self._context.progress(done, total)


class CallCredentials:
    """The workspace's accounts; remembers what it opened, so that errors and log lines can hide it."""

    def __init__(self, inner: Credentials, context: CallContext) -> None:
        self._inner = inner
        self._context = context

    async def get(self, credential_id: str) -> tuple[str, Mapping[str, Any]]:
        kind, fields = await self._inner.get(credential_id)
        if isinstance(self._inner, Accounts) and self._inner.opened is not None:
            account_id, name, stored = self._inner.opened
            declared = catalog().credentials.get(kind)
            limits = Limits.of(stored, declared.limits if declared else None)
            self._context.account = AccountLimits(account_id, name, limits)
        read = [value for value in fields.values() if isinstance(value, str) and len(value) >= SHORTEST_SECRET]
        self._context.secrets.update(read)
        hide_from_here(*read)
        return kind, fields


class Toolbox:
    """Makes the services of one call; make one per process, and close it."""

    def __init__(
        self,
        files: Callable[[str, str], Files],
        credentials: Callable[[str], Credentials],
        allowed: Iterable[str] = (),
        stored: Callable[[CallContext, str], Store] | None = None,
        *,
        lists: Callable[[], Storage] = storage,
        secret: bytes = b"",
        governor: Governor | None = None,
    ) -> None:
        """Say where services come from.

        Args:
            files: those of a workspace (first argument) for a run (second).
            credentials: the accounts of a workspace.
            lists: where lists go that a node writes as they come about.
            allowed: networks and hosts that HTTP may reach although they are private.
            stored: the values that outlive a run, for a call and its idempotency key.
            secret: what makes the random values of calls unforeseeable; the same in every process.
            governor: keeps HTTP calls to the limits of accounts and hosts; without one they only heed the service.
        """
        self._governor = governor
        self._allowed = tuple(allowed)
        self._http: HttpClient | None = None
        self._makers: dict[Any, Callable[[CallContext], Any]] = {
            Log: CallLog,
            Progress: CallProgress,
            Files: lambda context: files(context.workspace_id, context.run_id),
            Lists: lambda context: RunLists(lists(), context.workspace_id),
            Credentials: lambda context: CallCredentials(credentials(context.workspace_id), context),
            Idempotency: _idempotency,
            RunInfo: _run_info,
            Answer: _answer,
            Costs: CallCosts,
            OneTimeAddress: _address,
            Chance: lambda context: Chance(secret, _place(context)),
            HttpClient: self._client,
        }
        if stored is not None:
            self._makers[Store] = lambda context: stored(context, _idempotency(context).key)

    def services(self, node_type: NodeType, context: CallContext) -> dict[str, Any]:
        """By parameter name. Raises KeyError for a type that is not offered, which conformance rules out."""
        return {name: self._makers[wanted](context) for name, wanted in node_type.services.items()}

    def _client(self, context: CallContext) -> HttpClient:
        """One client serves all calls of the process, so that connections are used again."""
        if self._http is None:
            self._http = make_client(self._allowed)
        if self._governor is None:
            return self._http
        return self._http.governed(self._governor.gate(context, CallLog(context).info))

    async def aclose(self) -> None:
        """Close what calls shared."""
        if self._http is not None:
            await self._http.aclose()
        if self._governor is not None:
            await self._governor.aclose()


def _place(context: CallContext) -> str:
    return f"{context.run_id}:{context.scope}:{context.node_id}:{context.item}"


def _idempotency(context: CallContext) -> Idempotency:
    """`run:node:item:generation`, with the scope after the run where the node stands in one."""
    place = f"{context.scope}:{context.node_id}" if context.scope else context.node_id
    return Idempotency(f"{context.run_id}:{place}:{context.item}:{context.generation}")


def _run_info(context: CallContext) -> RunInfo:
    return RunInfo(
        run_id=context.run_id,
        workflow_id=context.workflow_id,
        workspace_id=context.workspace_id,
        node_id=context.node_id,
        scope=context.scope,
        item=context.item,
        attempt=context.attempt,
        now=context.now,
        public_url=context.public_url,
    )


def _answer(context: CallContext) -> Answer:
    given = context.answer
    if given is None:
        return Answer()
    return Answer(late=True) if given.get("due") else Answer(came=True, value=given)


def _address(context: CallContext) -> OneTimeAddress:
    context.wait_id = context.wait_id or new_id()
    return OneTimeAddress(doors.address(context.public_url, context.wait_id))

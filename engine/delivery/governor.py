"""The rate governor: calls to one host with one account keep to its limits, whichever worker makes them.

A short wait is waited in place. A longer one is not: the call is put off (`Postponed`), and the run sleeps until its
turn, holding no worker. While Redis is away each process counts for itself.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from engine.contract.errors import BadParams, CircuitOpen, NodeError, Postponed, TimedOut, Unavailable
from engine.contract.http import Answer, retry_after
from engine.delivery.here import Here
from engine.delivery.rates import (
    CODES,
    ENTER,
    LEAVE,
    RENEW,
    Limits,
    Outcome,
    Verdict,
    calls_key,
    hosts_key,
    state_key,
)
from engine.metrics import RATE_WAIT_SECONDS

LONGEST_WAIT: Final = 1.0
SHORTEST_WAIT: Final = 0.02
PLACE_SECONDS: Final = 15.0
SLACK: Final = 0.1
# What a service asks for that says "too many requests" and not for how long.
UNSAID_SECONDS: Final = 1.0
REDIS_SECONDS: Final = 0.5
WITHOUT_REDIS_SECONDS: Final = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """An account that a call uses, and the limits that hold for it."""

    id: str
    name: str
    limits: Limits


class Caller(Protocol):
    """Who calls: what the governor must know of a node's call."""

    @property
    def workspace_id(self) -> str: ...

    @property
    def ticket(self) -> str:
        """The same when the call is made again after it was put off."""

    @property
    def account(self) -> AccountLimits | None: ...


class Governor:
    """Decides about the calls of this process. One per process; serves one event loop.

    A call that counts as one of so many at once holds its place for `lease` seconds at a time. It is renewed while the
    process lives: what a killed process held is free again when the lease ends.
    """

    def __init__(
        self, redis_url: str = "", clock: Callable[[], float] = time.monotonic, lease: float = PLACE_SECONDS
    ) -> None:
        self._client = (
            redis.asyncio.Redis.from_url(
                redis_url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, max_connections=50
            )
            if redis_url
            else None
        )
        self._here = Here(clock)
        self._away_until = 0.0
        self._lease = lease
        self._places: set[tuple[str, str]] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._renewed = asyncio.Event()
        self._renewed.set()

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def enter(self, key: str, limits: Limits, ticket: str) -> Verdict:
        """Whether a call may be made now; if so it counts as under way until `leave`. `key` is `owner:host`."""
        owner, _, host = key.partition(":")
        keys = (state_key(key), calls_key(key), f"{state_key(key)}:{ticket}", hosts_key(owner))
        rates = (limits.interval, limits.window, *limits.minute)
        answer = await self._ask(ENTER, keys, (*rates, limits.at_once or 0, ticket, round(self._lease * 1e6), host))
        if answer is None:
            return self._here.enter(key, limits, ticket)
        code, microseconds, dirty = answer
        if CODES[code] == "go" and limits.at_once:
            self._hold(key, ticket)
        return Verdict(CODES[code], microseconds / 1e6, bool(dirty))

    async def leave(self, key: str, ticket: str, outcome: Outcome, wait: float, took: float) -> None:
        """Says what came of a call: `wait` are the seconds that the service asks for, `took` those of the call."""
        owner, _, host = key.partition(":")
        if (key, ticket) in self._places:
            self._places.remove((key, ticket))
            await self._renewed.wait()  # a renewal that is under way would bring the place back
        self._here.release(key, ticket)
        arguments = (ticket, outcome, round(wait * 1e6), round(took * 1e6), host)
        if await self._ask(LEAVE, (state_key(key), calls_key(key), hosts_key(owner)), arguments, none=()) is None:
            self._here.leave(key, ticket, outcome, wait, took)

    def _hold(self, key: str, ticket: str) -> None:
        self._places.add((key, ticket))
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew_places(), name="places")

    async def _renew_places(self) -> None:
        """Renews the places of the calls under way, for as long as there are any."""
        while self._places:
            await asyncio.sleep(self._lease / 3)
            held = tuple(self._places)
            if not held:
                return
            self._renewed.clear()
            try:
                tickets = [ticket for _, ticket in held]
                keys = tuple(calls_key(key) for key, _ in held)
                await self._ask(RENEW, keys, (round(self._lease * 1e6), *tickets))
            finally:
                self._renewed.set()

    async def _ask(self, script: str, keys: tuple[str, ...], arguments: tuple[Any, ...], none: Any = None) -> Any:
        """The script's answer (`none` for none), or None while Redis is away; then it is not asked for a while."""
        if self._client is None or time.monotonic() < self._away_until:
            return None
        try:
            answer = await cast("Any", self._client.eval(script, len(keys), *keys, *arguments))
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + WITHOUT_REDIS_SECONDS
            log.warning("governor.for_this_process_alone", cause=type(error).__name__)
            return None
        return none if answer is None else answer

    def gate(self, caller: Caller, said: Callable[[str], None]) -> Gate:
        """What the calls of one node go through; `said` takes lines for the step's log."""
        return Gate(self, caller, said)


class Gate:
    """The way out for the requests of one call of a node (`engine.contract.http.Gate`)."""

    def __init__(self, governor: Governor, caller: Caller, said: Callable[[str], None]) -> None:
        self._governor, self._caller, self._said = governor, caller, said
        self._sent = 0

    @asynccontextmanager
    async def passing(self, host: str) -> AsyncIterator[Callable[[Answer], None]]:
        """Waits for the turn of a request, and hears what came of it.

        Raises Postponed if the turn comes in more than a second and nothing was sent yet: sending half and beginning
        anew would send the first half twice, so a call that has begun waits in place. Raises CircuitOpen.
        """
        account = self._caller.account
        limits = account.limits if account else Limits()
        key = f"{account.id if account else self._caller.workspace_id}:{host}"
        ticket = f"{self._caller.ticket}:{self._sent}"
        verdict = await self._turn(key, limits, ticket, host)
        self._sent += 1
        answers: list[Answer] = []
        began, error = time.monotonic(), None
        try:
            yield answers.append
        except BaseException as raised:
            error = raised
            raise
        finally:
            outcome, wait = _outcome(answers[0] if answers else None, error)
            if outcome != "ok" or verdict.dirty or limits.at_once:
                took = time.monotonic() - began
                await asyncio.shield(self._governor.leave(key, ticket, outcome, wait, took))

    async def _turn(self, key: str, limits: Limits, ticket: str, host: str) -> Verdict:
        began = time.monotonic()
        while True:
            verdict = await self._governor.enter(key, limits, ticket)
            waited = time.monotonic() - began
            if verdict.why == "go":
                self._tell(waited, host)
                return verdict
            if verdict.why == "open":
                raise CircuitOpen(
                    f"{host} is not called just now: calls to it failed again and again.",
                    retry_after=verdict.seconds,
                    hint="It is tried again by itself after a while. Look whether the service has a problem.",
                )
            if not self._sent and waited + verdict.seconds > LONGEST_WAIT + SLACK:
                raise self._postponed(verdict, host)
            pause = max(SHORTEST_WAIT, verdict.seconds)
            # Who waits for a free place, or for the end of a pause, should not come back together with all others.
            await asyncio.sleep(pause if verdict.why == "rate" else pause * random.uniform(1, 1.2))  # noqa: S311

    def _postponed(self, verdict: Verdict, host: str) -> Postponed:
        who = f"the account “{self._caller.account.name}”" if self._caller.account else host
        what = {"busy": f"Limit of calls at once of {who}", "asked": f"{host} asks to wait"}
        spread = 0.0 if verdict.why == "rate" else random.uniform(0, 1)  # noqa: S311 - spreading load, no secret
        seconds = max(LONGEST_WAIT, verdict.seconds) + spread
        RATE_WAIT_SECONDS.observe(seconds)
        return Postponed(what.get(verdict.why, f"Rate limit of {who}") + ".", retry_after=seconds)

    def _tell(self, waited: float, host: str) -> None:
        if waited >= SHORTEST_WAIT:
            RATE_WAIT_SECONDS.observe(waited)
            self._said(f"Waited {waited:.1f} s for its turn to call {host}.")


def _outcome(answer: Answer | None, error: BaseException | None) -> tuple[Outcome, float]:
    """What a call says about its service, and for how many seconds that asks."""
    if answer is not None:
        asked = retry_after(answer.headers)
        if answer.status == 429 or (answer.status == 503 and asked is not None):
            return "limited", UNSAID_SECONDS if asked is None else asked
        return ("failed", 0.0) if answer.status >= 500 else ("ok", 0.0)
    if isinstance(error, Unavailable | TimedOut):
        return "failed", 0.0
    # An answer that was too large is one; an address that may not be called says nothing about the service.
    answered = isinstance(error, NodeError) and not isinstance(error, BadParams)
    return ("ok", 0.0) if answered else ("nothing", 0.0)

"""Who is signed in: read from the session cookie for every event, never from a var, since a browser can set vars."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

import reflex as rx
from reflex.istate.proxy import StateProxy

from app.services import accounts
from app.services.access import Actor
from app.services.errors import ServiceError, SignedOut

COOKIE: Final = "weft_session"
SIGN_IN: Final = "/login"

_asking: ContextVar[Actor | None] = ContextVar("asking", default=None)


class SessionState(rx.State):
    """Base of every state that shows something of a workspace. Each handler is ``guarded`` or ``public``."""

    _seen_user: str = ""

    async def _actor(self) -> Actor:
        """Who sent the event that is being handled. Raises SignedOut."""
        actor = _asking.get() or await self._find_actor()
        if actor is None:
            raise SignedOut
        return actor

    async def _shut(self, *dialogs: type[rx.State]) -> None:
        """Shut dialogs of the page that is loaded: a tab's state outlives the page on which one was left open."""
        for dialog in dialogs:
            (await self.get_state(dialog)).reset()  # type: ignore[no-untyped-call]

    async def _find_actor(self) -> Actor | None:
        """Who is signed in in this browser, or None; for public handlers that greet those who are."""
        return await accounts.actor_of_session(token_in(self.router.headers.cookie))


def token_in(cookie_header: str) -> str:
    """The session token of a Cookie header, or an empty text."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(cookie_header)
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def guarded(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Let a handler run only for somebody who is signed in; put it under ``@rx.event``.

    Others are sent to the sign-in page, and everything this tab knew is forgotten, as when another person signs in.
    What a service refuses becomes a message on the screen. Handlers may be plain, generators, coroutines or both.
    """
    checked = _checked_generator(handler) if _generates(handler) else _checked(handler)
    checked.__guarded__ = True  # type: ignore[attr-defined]
    return checked


def public(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a handler that anybody may call; a test lists them all by name."""
    handler.__public__ = True  # type: ignore[attr-defined]
    return handler


def _generates(handler: Callable[..., Any]) -> bool:
    return inspect.isasyncgenfunction(handler) or inspect.isgeneratorfunction(handler)


def _checked(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    async def checked(self: SessionState, *args: Any, **kwargs: Any) -> Any:
        if not await _let_in(self):
            return rx.redirect(SIGN_IN)
        try:
            result = handler(self, *args, **kwargs)
            return await result if inspect.isawaitable(result) else result
        except ServiceError as refusal:
            return _say(refusal)
        finally:
            _asking.set(None)

    return checked


def _checked_generator(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    async def checked(self: SessionState, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        if not await _let_in(self):
            yield rx.redirect(SIGN_IN)
            return
        try:
            updates = handler(self, *args, **kwargs)
            if inspect.isasyncgen(updates):
                async for update in updates:
                    yield update
            else:
                for update in updates:
                    yield update
        except ServiceError as refusal:
            yield _say(refusal)
        finally:
            _asking.set(None)

    return checked


def _say(refusal: ServiceError) -> Any:
    return rx.redirect(SIGN_IN) if isinstance(refusal, SignedOut) else rx.toast.error(refusal.message)


async def _let_in(state: SessionState) -> bool:
    actor = await state._find_actor()
    if not isinstance(state, StateProxy):  # A background task holds no lock, and follows a handler that was here.
        await _forget_somebody_else(state, actor)
    _asking.set(actor)
    return actor is not None


async def _forget_somebody_else(state: SessionState, actor: Actor | None) -> None:
    session = await state.get_state(SessionState)
    user_id = actor.user_id if actor else ""
    if session._seen_user == user_id:
        return
    if session._seen_user:
        session.reset()  # type: ignore[no-untyped-call]
    session._seen_user = user_id

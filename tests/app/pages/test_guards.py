"""Every handler can be called from any browser: each is guarded, or on the short list of public ones."""

import inspect
from collections.abc import Iterator
from typing import Any

import reflex as rx

import app.app  # noqa: F401 - registers every state
from app.session import SIGN_IN, SessionState
from tests.app.pages.conftest import Tab

PUBLIC = {
    "Login.check",
    "Welcome.check",
    "Form.load",
    "Form.take_file",
    "Form.add_row",
    "Form.remove_row",
    "Form.submit",
    "Outcome.turn",
    "Outcome.narrow",
}


def _states(kind: type[rx.State]) -> Iterator[type[rx.State]]:
    for below in kind.__subclasses__():
        if below.__module__.startswith("app."):
            yield below
            yield from _states(below)


def _handlers() -> Iterator[tuple[type[rx.State], str, Any]]:
    for state in _states(SessionState):
        for name, handler in state.event_handlers.items():
            if name in state.__dict__ or handler.fn.__module__ == state.__module__:
                yield state, name, handler.fn


def test_every_state_of_the_product_knows_who_asks() -> None:
    strangers = {state.__name__ for state in _states(rx.State) if not issubclass(state, SessionState)}
    assert not strangers


def test_every_handler_is_guarded_or_listed_as_public() -> None:
    open_ones = {
        f"{state.__name__}.{name}"
        for state, name, handler in _handlers()
        if not getattr(handler, "__guarded__", False) and name != "setvar"
    }
    assert open_ones == PUBLIC
    assert all(
        getattr(handler, "__public__", False)
        for state, name, handler in _handlers()
        if f"{state.__name__}.{name}" in PUBLIC
    )


async def _answers(result: Any) -> list[Any]:
    if inspect.isasyncgen(result):
        return [answer async for answer in result]
    return [await result]


async def test_nobody_gets_anything_without_a_session(sqlite_url: str, valkey_url: str) -> None:
    asked = 0
    for kind, name, handler in _handlers():
        if not getattr(handler, "__guarded__", False):
            continue
        state = await Tab().at("/runs/01").state(kind)
        before = state.dict()
        count = len([p for p in inspect.signature(handler).parameters.values() if p.name != "self"])
        answers = await _answers(handler(state, *[""] * count))
        assert SIGN_IN in str(answers), f"{kind.__name__}.{name} let a stranger in"
        assert state.dict() == before, f"{kind.__name__}.{name} changed something for a stranger"
        asked += 1
    assert asked > 30

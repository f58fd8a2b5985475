"""Who may call what in the pages: every public method of a State can be called from any browser."""

from collections.abc import Iterator

import pytest
import reflex as rx
from reflex.state import State

import app.app  # noqa: F401 - registers every State
from app.session import COOKIE, SessionState, token_in

# Handlers that anybody may call, and why that does no harm.
PUBLIC = {
    "Welcome.check": "tells whether there is an owner, by sending on whoever is too late",
    "Login.check": "sends on who is signed in already",
    "Form.load": "shows a published form to whoever has its address",
    "Form.add_row": "changes what this visitor fills in",
    "Form.remove_row": "changes what this visitor fills in",
    "Form.take_file": "notes a file that this visitor has uploaded to the form",
    "Form.submit": "runs the published form, limited by address",
    "Outcome.narrow": "shows part of a result that this form started",
    "Outcome.turn": "shows another page of a result that this form started",
}
OF_REFLEX = {"setvar", "set_is_hydrated"}


def states(kind: type[State] = State) -> Iterator[type[State]]:
    for state in kind.get_substates():
        if state.__module__.startswith("app."):
            yield state
        yield from states(state)


def handlers() -> dict[str, object]:
    return {
        f"{state.__name__}.{name}": handler.fn
        for state in states()
        for name, handler in state.event_handlers.items()
        if name not in OF_REFLEX
    }


def test_every_handler_asks_who_is_there() -> None:
    found = handlers()
    assert len(found) > 40
    unguarded = {name for name, handler in found.items() if not getattr(handler, "__guarded__", False)}
    marked = {name for name, handler in found.items() if getattr(handler, "__public__", False)}
    assert unguarded == marked, "each handler is either guarded or public"
    assert marked == PUBLIC.keys()


def test_every_state_is_a_session_state() -> None:
    assert [state.__name__ for state in states() if not issubclass(state, SessionState)] == []


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("", ""),
        (f"{COOKIE}=abc", "abc"),
        (f"a=b; {COOKIE}=abc; c=d", "abc"),
        ("a=b", ""),
        (";;; = ;", ""),
        (f'{COOKIE}="a', ""),
    ],
)
def test_the_token_of_a_cookie_header(header: str, token: str) -> None:
    assert token_in(header) == token


def test_no_var_says_who_is_signed_in() -> None:
    for state in states():
        assert not {"user_id", "workspace_id", "role", "actor"} & set(state.vars), state.__name__
    assert rx.State is State

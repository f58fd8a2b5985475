"""Who is signed in is read from the cookie alone. That every handler asks is tested in tests/app/pages/test_guards."""

from collections.abc import Iterator

import pytest
from reflex.state import State

import app.app  # noqa: F401 - registers every State
from app.session import COOKIE, token_in


def states(kind: type[State] = State) -> Iterator[type[State]]:
    for state in kind.get_substates():
        if state.__module__.startswith("app."):
            yield state
        yield from states(state)


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

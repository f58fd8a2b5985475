"""Failures as records: free of secrets, short, and the same error again when a run is resumed."""

import pytest

from engine.contract import BadParams, ListLengthMismatch, NodeError, PermanentError, RateLimited, Unavailable
from engine.graph import Node
from engine.run.failures import LONGEST_TEXT, from_record, to_record

NODE = Node(id="send", type="test.send", label="Send it")


def test_a_record_says_where_and_what() -> None:
    record = to_record(BadParams("Wrong.", field="url", hint="Look."), NODE, "17")
    assert record == {
        "kind": "BadParams",
        "message": "Wrong.",
        "hint": "Look.",
        "node": "send",
        "label": "Send it",
        "item": "17",
        "field": "url",
    }


def test_no_secret_is_in_it() -> None:
    error = Unavailable(
        "Bearer abcdefgh12345678 was refused by opensesame",
        status=503,
        request={"url": "https://ada:lovelace@x.test", "headers": {"Authorization": "Basic b3BlbnNlc2FtZQ=="}},
        response={"body": ["you sent opensesame"]},
    )
    text = str(to_record(error, NODE, "", {"opensesame"}))
    for secret in ("abcdefgh12345678", "opensesame", "lovelace", "b3BlbnNlc2FtZQ"):
        assert secret not in text


def test_long_answers_are_cut() -> None:
    record = to_record(PermanentError("x" * 10_000, response={"body": "y" * 10_000}), NODE, "")
    assert len(record["message"]) == LONGEST_TEXT
    assert len(record["response"]["body"]) < LONGEST_TEXT + 50


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("Slow down.", hint="Wait.", status=429),
        PermanentError("No.", request={"url": "https://x.test"}, response={"status": 400}),
        BadParams("Wrong."),
    ],
)
def test_the_error_comes_back_of_its_own_kind(error: NodeError) -> None:
    again = from_record(to_record(error, NODE, ""))
    assert type(again) is type(error)
    assert (again.message, again.hint, again.status, again.request, again.response) == (
        error.message,
        error.hint,
        error.status,
        error.request,
        error.response,
    )


@pytest.mark.parametrize("kind", ["ListLengthMismatch", "RetryableError", "NodeError", "gone", "annotations"])
def test_a_kind_that_cannot_be_made_again_is_permanent(kind: str) -> None:
    assert type(from_record({"kind": kind, "message": "m"})) is PermanentError
    assert ListLengthMismatch("m", lengths={"a": 1}).kind == "ListLengthMismatch"

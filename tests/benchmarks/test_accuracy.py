"""docs/accuracy.md holds: the figures are recomputed on the messages that nothing was tuned on."""

import pytest

from benchmarks.accuracy import Message, accuracy, departments, messages, sort, urgency, with_examples


@pytest.fixture(scope="module")
def known() -> list[Message]:
    return [message for message in messages() if not message.for_test]


@pytest.fixture(scope="module")
def unseen() -> list[Message]:
    return [message for message in messages() if message.for_test]


def test_every_intent_has_one_department(known: list[Message], unseen: list[Message]) -> None:
    everything = known + unseen
    assert len(everything) == 3080
    assert len({m.intent for m in everything}) == 77
    counts = {c.name: sum(m.department == c.name for m in everything) for c in departments()}
    assert counts == {
        "Cards": 880, "Transfers": 440, "Payments": 400, "Top-up": 400, "Account": 400, "Exchange": 280, "Cash": 280,
    }  # fmt: skip


def test_descriptions_alone(unseen: list[Message]) -> None:
    results = sort([m.text for m in unseen], departments())
    assert accuracy(results, unseen) > 0.86
    sure = [(r, m) for r, m in zip(results, unseen, strict=True) if r.sure]
    assert len(sure) / len(unseen) > 0.8
    assert accuracy([r for r, _ in sure], [m for _, m in sure]) > 0.9


def test_fifty_examples(known: list[Message], unseen: list[Message]) -> None:
    categories = with_examples(50, 0, known)
    used = {example for category in categories for example in category.examples}
    assert len(used) == 350
    assert not used & {m.text for m in unseen}
    assert accuracy(sort([m.text for m in unseen], categories), unseen) > 0.89


def test_urgent(unseen: list[Message]) -> None:
    precision, recall = urgency(unseen)
    assert precision > 0.65
    assert recall > 0.65

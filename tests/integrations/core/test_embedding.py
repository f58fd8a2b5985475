"""The offline model: what it gives does not depend on what else is in the batch."""

from pathlib import Path

import numpy as np
import pytest

from integrations.core.ai import embedding
from integrations.core.ai.definition import Definition
from integrations.core.ai.embedding import MAX_TOKENS, Encoder
from integrations.core.ai.scoring import Classifier

TEXTS = ["Where is my card?", "", "Zürich  €5\nnaïve 中文 🙂", "word " * 1000, "a", "Where is my card?"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


def test_vectors_have_length_one_and_no_order(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (6, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors[0], vectors[5])
    alone = np.vstack([Encoder().encode([text]) for text in TEXTS])
    assert np.allclose(vectors, alone, atol=1e-3)
    assert encoder.encode([]).shape == (0, 384)


def test_long_texts_are_cut_where_the_model_ends(encoder: Encoder) -> None:
    one, other = "card " * MAX_TOKENS, "card " * MAX_TOKENS + "boat " * 500
    assert np.allclose(*encoder.encode([one, other]), atol=1e-5)


def test_what_is_remembered_is_bounded(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_REMEMBERED", 3)
    before = encoder.encode(["one", "two"])
    encoder.encode(["three", "four", "five", "six"])
    assert len(encoder._remembered) == 3
    assert np.allclose(encoder.encode(["one", "two"]), before, atol=1e-5)


def test_the_vocabulary_is_that_of_the_model() -> None:
    folder = Path(embedding.__file__).parent / "model"
    words = (folder / "vocab.txt").read_text().splitlines()
    assert len(words) == 30_522
    assert words[0] == "[PAD]" and words[101] == "[CLS]"
    assert "Apache" in (folder / "README.md").read_text()


def test_probabilities_leave_room_for_none_of_them() -> None:
    classifier = Classifier([Definition("Cards", "Ordering a card"), Definition("Transfers", "Sending money")])
    rows = classifier.probabilities(["I want to order a card", "The sky is blue"])
    assert (rows >= 0).all() and (rows.sum(axis=1) <= 1 + 1e-6).all()
    assert rows[0].argmax() == 0 and rows[0].max() > 0.9
    assert rows[1].sum() < 0.5


def test_a_description_is_read_in_parts() -> None:
    assert Definition("A", "One; two.\nThree").sentences() == ["One", "two", "Three", "A: One; two.\nThree"]
    assert Definition("A", "one, two").sentences() == ["one", "two", "A: one, two"]
    assert Definition("A").sentences() == ["A"]

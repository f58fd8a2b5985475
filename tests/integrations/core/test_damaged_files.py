"""Files that were cut off or changed on their way: a node reads them or says what is wrong; it never just breaks."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.catalog import catalog
from engine.contract import NodeError
from tests.integrations.cases import data_file
from tests.integrations.services import FolderFiles

READERS = {
    "files.read_pdf": "all pages",
    "files.split_pdf": "each page",
    "files.read_ics": "each time, over a change of clocks, as moved and cancelled",
    "files.read_text": "UTF-16",
    "files.read_xlsx": "no such sheet",
    "images.metadata": "a picture that was held upright",
    "images.strip": "an upright photo",
    "images.resize": "upright, without what the camera noted",
    "images.convert": "the first picture of an animation",
    "images.read_codes": "one",
}


@cache
def sample(node: str) -> tuple[dict[str, Any], str, bytes]:
    """A case's params, and the name and bytes of its file."""
    cases = json.loads(data_file(node, "core").read_text())["cases"]
    case = next(one for one in cases if one["name"] == READERS[node])
    ((name, stored),) = case["files"].items()
    content = base64.b64decode(stored["base64"]) if "base64" in stored else stored["text"].encode()
    return case["params"], name, content


def damage(content: bytes, cut: float, changes: list[tuple[float, int]]) -> bytes:
    changed = bytearray(content[: max(1, round(len(content) * cut))])
    for place, value in changes:
        changed[min(len(changed) - 1, int(len(changed) * place))] = value
    return bytes(changed)


part = st.floats(0, 1, allow_nan=False)


@pytest.mark.parametrize("node", READERS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cut=st.just(1.0) | part, changes=st.lists(st.tuples(part, st.integers(0, 255)), max_size=8))
def test_a_damaged_file_is_read_or_explained(node: str, cut: float, changes: list[tuple[float, int]]) -> None:
    params, name, content = sample(node)
    node_type = catalog()[node]
    read: Callable[..., Any] = node_type.function
    with tempfile.TemporaryDirectory() as folder:
        files = FolderFiles(Path(folder))
        file = files.save(name, "application/octet-stream", damage(content, cut, changes))
        try:
            read(node_type.params.model_validate({**params, "file": file.model_dump(by_alias=True)}), files)
        except NodeError as error:
            assert error.message and len(error.message) < 1_000

"""Whatever a wire brings, a node gives a value or a NodeError: never an error that it does not explain."""

from __future__ import annotations

import asyncio
import inspect
import json
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from engine.catalog import catalog
from engine.contract import (
    Answer,
    Chance,
    Credentials,
    Files,
    Fired,
    Idempotency,
    Lists,
    Log,
    NodeError,
    NodeType,
    OneTimeAddress,
    RunInfo,
    Store,
)
from tests.integrations.kept import Kept
from tests.integrations.services import RUN, Accounts, FolderFiles, LinesLog, lists_in

# Calls to the outside have tests of their own.
NODES = [node for node in catalog().all() if node.category != "http"]

SECRET = {"type": "core.secret", "fields": {"secret": "ab" * 32}}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "0", "-1", "1e309", "now", "2026-11-23", "9999-12-31T23:59:59+14:00", "=1+1", "a.b", "\x00", "é" * 40]
    )
)
odd = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "a.b", "", "$file", "name", "value"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def params_of(node: NodeType) -> st.SearchStrategy[dict[str, Any]]:
    """Each field left out, as in its example, or odd."""
    fields = {}
    for name, info in node.params.model_fields.items():
        usual = st.sampled_from([e for e in info.examples or () if not (isinstance(e, str) and "{{" in e)] or [True])
        fields[name] = usual | odd
    optional = {name: fields[name] for name, info in node.params.model_fields.items() if not info.is_required()}
    needed = {name: strategy for name, strategy in fields.items() if name not in optional}
    return st.fixed_dictionaries(needed, optional=optional)


async def call(node: NodeType, raw: dict[str, Any], event: Any, files: FolderFiles, kept: Kept) -> Any:
    made: dict[Any, Any] = {
        Log: LinesLog(),
        Files: files,
        Lists: lists_in(files.folder),
        Idempotency: Idempotency("k"),
        RunInfo: RUN,
    }
    made |= {Answer: Answer(), OneTimeAddress: OneTimeAddress("https://weft.test/c/token"), Store: kept.of(RUN.run_id)}
    made |= {Chance: Chance(b"secret", RUN.run_id), Credentials: Accounts({"acc_1": SECRET})}
    services = {name: made[kind] for name, kind in node.services.items()}
    if node.kind == "trigger":
        services["event"] = event
    params = node.params.model_validate(raw)
    value = node.function([params] if node.batch else params, **services)
    value = await value if inspect.isawaitable(value) else value
    value = list(value) if isinstance(value, Generator) else value
    return value[0] if node.batch else value


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Stored values that fill up with what all examples leave there."""
    with Kept(tmp_path_factory.mktemp("values"), {}) as made:
        yield made


@pytest.mark.parametrize("node", NODES, ids=[node.id for node in NODES])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_gives_a_value_or_explains(node: NodeType, kept: Kept, data: st.DataObject) -> None:
    raw = data.draw(params_of(node))
    if node.category == "code":
        raw["time_limit"] = 0.2
    event = {"due": "x", "fired_at": "y", "body": data.draw(odd)}
    with tempfile.TemporaryDirectory() as folder:
        try:
            value = asyncio.run(call(node, raw, event, FolderFiles(Path(folder)), kept))
        except ValidationError:
            return
        except NodeError as error:
            assert error.message and len(error.message) < 2000
            return
    if node.kind == "container":
        assert is_dataclass(value), "what it asks of the engine"
        return
    parts = value if isinstance(value, tuple) and all(isinstance(part, Fired) for part in value) else (value,)
    for part in parts:
        json.dumps(to_jsonable_python(part, by_alias=True), allow_nan=False)

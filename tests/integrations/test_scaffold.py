"""What `./weft new-integration` writes keeps every promise from its first day."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import integrations
from app.scaffold import create
from engine.contract import NodeType
from tests.integrations import test_conformance as conformance
from tests.integrations.cases import cases

NAME = "shop_of_tests"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    create(NAME, tmp_path)
    monkeypatch.setattr(integrations, "__path__", [*integrations.__path__, str(tmp_path / "integrations")])
    yield tmp_path
    for module in [name for name in sys.modules if name.startswith(f"integrations.{NAME}")]:
        del sys.modules[module]


@pytest.fixture
def nodes(checkout: Path) -> tuple[NodeType, ...]:
    found: tuple[NodeType, ...] = importlib.import_module(f"integrations.{NAME}").integration.nodes
    return found


def test_a_new_integration_conforms(nodes: tuple[NodeType, ...]) -> None:
    assert nodes
    for node in nodes:
        conformance.test_says_what_it_does(node)
        conformance.test_says_what_it_does_with_a_list(node)
        conformance.test_every_field_is_documented_and_exampled(node)
        conformance.test_examples_fit_their_fields(node)
        conformance.test_is_typed(node)
        conformance.test_asks_only_for_what_the_engine_offers(node)
        conformance.test_effect_and_outputs_under_any_settings(node)


def test_its_data_file_replays(checkout: Path, nodes: tuple[NodeType, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(cases(checkout / "tests" / "integrations"))
    assert {case.node for case in found} == {node.id for node in nodes}
    monkeypatch.setattr(conformance, "catalog", lambda: {node.id: node for node in nodes})
    files = checkout / "files"
    files.mkdir()
    for case in found:
        conformance.test_case(case, files)

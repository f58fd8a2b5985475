"""The catalogue holds what integrations declare, by id and version."""

from __future__ import annotations

import pytest

from engine.catalog import Catalog, UnknownType, catalog
from engine.contract import Integration, NodeType, Params, action


class Nothing(Params):
    pass


def declare(type_id: str, version: int) -> NodeType:
    @action(type_id, title="T", category="data", icon="x", version=version)
    async def act(params: Nothing) -> int:
        """Do it."""
        return version

    return act


def integration(*nodes: NodeType) -> Integration:
    return Integration(id="test", name="Test", description="For tests", nodes=nodes)


def test_the_newest_version_is_the_plain_look_up() -> None:
    old, new = declare("test.a", 1), declare("test.a", 2)
    found = Catalog([integration(new, old)])
    assert found["test.a"] is new
    assert found.get("test.a", 1) is old
    assert list(found.all()) == [new]
    assert found.versions("test.a") == [1, 2]


def test_what_is_not_installed_is_named() -> None:
    found = Catalog([integration(declare("test.a", 1))])
    assert found.get("test.b") is None and "test.b" not in found
    with pytest.raises(UnknownType, match="no version 3; installed: 1"):
        found.require("test.a", 3)
    with pytest.raises(UnknownType, match=r"no node type “test\.b”"):
        found.require("test.b", 1)


def test_two_declarations_of_one_version_are_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Catalog([integration(declare("test.a", 1), declare("test.a", 1))])


def test_the_installed_catalogue_loads_once() -> None:
    assert catalog() is catalog()
    assert "data.set" in catalog()

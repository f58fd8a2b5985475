"""Which node stands in which container, at whatever depth."""

from __future__ import annotations

import pytest

from engine.graph import Graph, Node


def drawn(**containers: str | None) -> Graph:
    """A drawing of nodes by id, each with the container it stands in."""
    return Graph(nodes={name: Node(id=name, type="t", container=around) for name, around in containers.items()})


NESTED = drawn(a=None, loop=None, b="loop", inner="loop", c="inner", tries="inner", d="tries", z=None)


def test_children_are_in_the_order_of_the_document() -> None:
    assert NESTED.children() == ("a", "loop", "z")
    assert NESTED.children("loop") == ("b", "inner")
    assert NESTED.children("tries") == ("d",)
    assert NESTED.children("a") == ()


def test_levels_are_the_containers_around_outermost_first() -> None:
    assert NESTED.levels("a") == ()
    assert NESTED.levels("d") == ("loop", "inner", "tries")
    with pytest.raises(KeyError):
        NESTED.levels("nobody")


def test_inside_is_the_whole_body_each_container_before_its_own() -> None:
    assert NESTED.inside("loop") == ("b", "inner", "c", "tries", "d")
    assert NESTED.inside("z") == ()


def test_who_stands_for_a_node_at_a_level() -> None:
    assert NESTED.at_level("d", None) == "loop"
    assert NESTED.at_level("d", "loop") == "inner"
    assert NESTED.at_level("d", "tries") == "d"
    assert NESTED.at_level("a", None) == "a"
    assert NESTED.at_level("a", "loop") is None
    assert NESTED.at_level("loop", "loop") is None


def test_a_changed_drawing_answers_anew() -> None:
    moved = NESTED.with_node(NESTED.nodes["z"].model_copy(update={"container": "loop"}))
    assert moved.children("loop") == ("b", "inner", "z")
    assert NESTED.children("loop") == ("b", "inner")


def test_a_container_in_itself_or_in_nothing_that_is_there_ends_the_walk() -> None:
    circle = drawn(a="b", b="a", lost="gone")
    assert circle.levels("a") == ("a", "b")
    assert set(circle.inside("a")) == {"b"}
    assert circle.levels("lost") == ()
    assert circle.children() == ("lost",)

"""The form of a node, as the inspector shows it."""

import pytest

from app.pages.editor import form
from engine.catalog import catalog
from engine.contract import NodeType, Select
from engine.graph import Node

NODES = catalog().all()


def views(node_type: NodeType, **params: object) -> dict[str, form.FieldView]:
    shown = form.fields(
        node_type, Node(id="n", type=node_type.id, params=params), problems={}, references={}, levels={}
    )
    return {view["name"]: view for view in shown}


def test_a_choice_shows_its_labels_and_keeps_its_values() -> None:
    options = views(catalog()["data.make_id"])["kind"]["options"]
    assert [option["raw"] for option in options][:3] == ["uuid7", "uuid4", "nanoid"]
    assert options[0]["label"] == "UUID 7, sorted by time"


def test_a_choice_without_labels_shows_its_words() -> None:
    options = views(catalog()["data.unique"])["keep"]["options"]
    assert [option["label"] for option in options] == ["First", "Last"]


def test_labels_are_as_many_as_options() -> None:
    with pytest.raises(TypeError, match="as many labels as options"):
        Select(options=("a", "b"), labels=("A",))


def test_a_field_is_shown_where_its_condition_holds() -> None:
    assert "kept" not in views(catalog()["data.set"])
    assert "kept" in views(catalog()["data.set"], keep="some")


@pytest.mark.parametrize("node_type", NODES, ids=[one.id for one in NODES])
def test_no_two_fields_of_a_form_are_called_the_same(node_type: NodeType) -> None:
    titles = [view["title"] for view in views(node_type).values()]
    assert len(titles) == len(set(titles))

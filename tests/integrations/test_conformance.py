"""Every promise of every node, asked once."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest
from PIL import Image
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from engine.catalog import catalog
from engine.contract import Effect, File, Fired, NodeType, Respond, Waiting
from engine.settings import CHECKOUT
from tests.integrations.cases import ENDINGS, Case, cases, data_file
from tests.integrations.replay import KNOWN_SERVICES, Result, replay
from tests.integrations.services import FolderFiles

NODES = catalog().all()
INTEGRATION = {node.id: i.id for i in catalog().integrations.values() for node in i.nodes}
CASES = list(cases())
OWN_CATEGORIES = (
    "trigger", "flow", "data", "lists", "text", "dates", "security", "values", "files", "images", "http", "code", "ai",
)  # fmt: skip
CATEGORIES = {*OWN_CATEGORIES, *catalog().integrations}

ICONS = frozenset((CHECKOUT / "app" / "components" / "theme" / "icons.txt").read_text().split())

each_node = pytest.mark.parametrize("node", NODES, ids=[node.id for node in NODES])


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and all models inside it."""
    if model is File:
        return
    yield model
    for info in model.model_fields.values():
        yield from inner_models(info.annotation)


def inner_models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from models(annotation)
    for part in get_args(annotation):
        yield from inner_models(part)


def described_fields(node: NodeType) -> Iterator[tuple[str, FieldInfo]]:
    for model in models(node.params):
        for name, info in model.model_fields.items():
            yield f"{model.__name__}.{name}", info


@each_node
def test_says_what_it_does(node: NodeType) -> None:
    first, *_ = node.doc.split("\n\n")
    assert len(first) > 20 and first.rstrip().endswith((".", "?")), "the docstring begins with a sentence"
    assert node.title and node.title[0].isupper() and node.category in CATEGORIES
    assert node.icon in ICONS, "the icon must be in the product's sheet"
    assert node.keywords, "what would people search for?"


@each_node
def test_says_what_it_does_with_a_list(node: NodeType) -> None:
    *_, last = node.doc.split("\n\n")
    assert last.startswith("With a list: ") and last.endswith(".")


@each_node
def test_every_field_is_documented_and_exampled(node: NodeType) -> None:
    for name, info in described_fields(node):
        assert info.description and not info.description.endswith("."), f"{name} needs a description, not a sentence"
        assert info.examples, f"{name} needs an example"


@each_node
def test_examples_fit_their_fields(node: NodeType) -> None:
    for name, info in described_fields(node):
        adapter = TypeAdapter(info.rebuild_annotation())
        for example in info.examples or ():
            if isinstance(example, str) and "{{" in example:
                continue
            try:
                adapter.validate_python(example)
            except ValidationError as error:
                raise AssertionError(f"{name}: the example {example!r} does not fit: {error}") from None


@each_node
def test_is_typed(node: NodeType) -> None:
    assert node.result is not None
    jsonschema_rs.validator_for(node.params_schema)
    jsonschema_rs.validator_for(node.output_schema)
    for info in node.params.model_fields.values():
        assert info.annotation is not None
    if isinstance(node.result, type) and issubclass(node.result, BaseModel):
        for name, info in node.result.model_fields.items():
            assert info.description, f"output field {name} needs a description"


@each_node
def test_asks_only_for_what_the_engine_offers(node: NodeType) -> None:
    wanted = set(node.services.values())
    assert wanted <= KNOWN_SERVICES
    if node.cpu:
        assert {kind.__name__ for kind in wanted} <= {"Files", "Lists"}, "a process of the pool gets nothing else"


@each_node
def test_effect_and_outputs_under_any_settings(node: NodeType) -> None:
    """While editing, settings are raw and half filled in: nothing may raise."""
    for raw in ({}, {"rules": None}, {"rules": [{}, {"name": None}, "x"]}, {"method": "{{ x }}"}, {"method": None}):
        assert isinstance(node.effect_for(raw), Effect)
        names = [output.name for output in node.outputs_for(raw)]
        assert (names or node.kind == "note") and len(names) == len(set(names))


@each_node
def test_has_a_data_file(node: NodeType) -> None:
    own = [case for case in CASES if case.node == node.id]
    path = data_file(node.id, INTEGRATION[node.id])
    assert path.exists(), f"{path} is missing"
    assert any("error" not in case.data for case in own), "no case shows what it gives"
    if node.params.model_fields:
        assert any("error" in case.data for case in own), "no case shows how it fails"
    if not node.dynamic_outputs and node.kind != "container":
        shown = {name for case in own for name in case.data.get("outputs", {"main": None})}
        assert {output.name for output in node.outputs_for({})} <= shown, "an output is never shown"


def test_every_data_file_belongs_to_a_node() -> None:
    assert {case.node for case in CASES} == {node.id for node in NODES}
    names = [case.id for case in CASES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(case: Case, tmp_path: Path) -> None:
    check_case(case, tmp_path)


STREAMING = [case for case in CASES if any(spec.streams for spec in catalog()[case.node].fields.values())]


@pytest.mark.parametrize("case", STREAMING, ids=[case.id for case in STREAMING])
def test_case_with_long_lists(case: Case, tmp_path: Path) -> None:
    """A node that takes lists piece by piece gives the same for them as for lists in memory."""
    check_case(case, tmp_path, long=True)


def check_case(case: Case, tmp_path: Path, *, long: bool = False) -> None:
    node = catalog()[case.node]
    result = replay(node, case, tmp_path, long=long)
    endings = [name for name in ENDINGS if name in case.data]
    assert endings, "the case says nothing about how it ends"
    if "error" in case.data:
        check_error(result, case.data["error"])
    else:
        assert result.error is None, f"{result.error!r} {result.error and result.error.hint}"
        check_outputs(node, result, case, FolderFiles(tmp_path))
    assert result.log == case.data.get("log", [])
    if "values_after" in case.data:
        assert result.values == case.data["values_after"]
    check_nothing_leaks(result, case)


def check_error(result: Result, wanted: dict[str, Any]) -> None:
    error = result.error
    assert error is not None, f"no error, but {result.outputs}"
    assert error.kind == wanted["kind"], error.message
    assert wanted["message"] in error.message
    assert wanted.get("hint", "") in error.hint
    if "field" in wanted:
        assert getattr(error, "field", None) == wanted["field"]
    if "retry_after" in wanted:
        assert getattr(error, "retry_after", None) == wanted["retry_after"]
    if "status" in wanted:
        assert error.status == wanted["status"]
    assert "Traceback" not in error.message and "object at 0x" not in error.message
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.hint, again.kind) == (error.message, error.hint, error.kind)


def check_outputs(node: NodeType, result: Result, case: Case, files: FolderFiles) -> None:
    assert result.unchanged, "the node changed what it was given"
    text = json.dumps(result.outputs, allow_nan=False)
    names = {output.name for output in node.outputs_for(result.params)}
    assert set(result.outputs) <= names
    if node.kind != "container" and node.result not in (Fired, Respond, Waiting) and set(result.outputs) == {"main"}:
        jsonschema_rs.validator_for(node.output_schema).validate(result.outputs["main"])
    if "asks" in case.data:
        assert result.asks == case.data["asks"]
    if "wait" in case.data:
        assert result.waits == datetime.fromisoformat(case.data["wait"])
    if "respond" in case.data:
        assert result.responds is not None
        told = {
            "status": result.responds.status,
            "headers": dict(result.responds.headers),
            "body": result.responds.body,
        }
        assert told == case.data["respond"]
    if "saved" in case.data:
        check_saved(result.outputs["main"], case.data["saved"], files)
    if "outputs" in case.data:
        assert result.outputs == case.data["outputs"]
    elif "output" in case.data:
        assert same(result.outputs["main"], case.data["output"]), text


def same(found: Any, wanted: Any) -> bool:
    """Equal, where `"*"` stands for anything."""
    if wanted == "*":
        return True
    if isinstance(wanted, dict) and isinstance(found, dict):
        return list(found) == list(wanted) and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(same(f, w) for f, w in zip(found, wanted, strict=True))
    return type(found) is type(wanted) and bool(found == wanted)


def check_saved(file: dict[str, Any], wanted: dict[str, Any], files: FolderFiles) -> None:
    content = files.read(file)
    assert file["size"] == len(content)
    if "text" in wanted:
        assert content.decode() == wanted["text"]
    if "sheets" in wanted:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        assert {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names} == wanted["sheets"]

    if "image" in wanted:
        check_image(content, wanted["image"])
    if "pages" in wanted:
        assert [page.extract_text().strip() for page in PdfReader(io.BytesIO(content)).pages] == wanted["pages"]
    if "name" in wanted:
        assert (file["name"], file["media_type"]) == (wanted["name"], wanted["media_type"])


def check_image(content: bytes, wanted: dict[str, Any]) -> None:
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, list(picture.size)) == (wanted["format"], wanted["size"])
        assert len(dict(picture.getexif())) == 0 or picture.format == "TIFF"
        points = picture.convert("RGBA")
        for place, color in wanted.get("points", {}).items():
            found = points.getpixel(tuple(map(int, place.split(","))))
            assert isinstance(found, tuple) and max(abs(f - w) for f, w in zip(found, color, strict=True)) <= 16, found


def check_nothing_leaks(result: Result, case: Case) -> None:
    error = result.error
    told = json.dumps([result.log, error and [error.message, error.hint, error.request, error.response]], default=str)
    for secret in case.data.get("secrets", ()):
        assert secret not in told, "a secret was told"

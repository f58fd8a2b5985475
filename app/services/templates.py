"""Workflows to start from: the JSON files of ``templates/``, as its README describes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import orjson
from sqlmodel import Session

from app.services import files, workflows
from app.services.access import Actor
from app.services.errors import NotFound
from app.services.unit import reads
from engine import document
from engine.catalog import catalog
from engine.settings import CHECKOUT

FIRST: Final = "sort_customer_messages"
FOLDER: Final = CHECKOUT / "templates"
_SAMPLE: Final = "$sample"


@dataclass(frozen=True, slots=True)
class Template:
    """A template in a gallery. ``nodes`` are the icons and categories of its picture, in the order of the document.

    ``needs`` names the kinds of accounts that have to be connected first; empty: it works now.
    """

    id: str
    title: str
    summary: str
    description: str
    category: str
    icon: str
    minutes: int
    needs: tuple[str, ...]
    result: tuple[str, ...]
    nodes: tuple[tuple[str, str], ...]


@reads
def list_templates(db: Session, actor: Actor) -> list[Template]:
    """All templates, those that work now first."""
    del db, actor
    return list(_all())


def use(db: Session, actor: Actor, template_id: str) -> str:
    """A new workflow of this template, with its samples stored in the workspace; returns its id."""
    actor.need("editor")
    source = _sources().get(template_id)
    if source is None:
        raise NotFound("template")
    stored = {sample["name"]: _stored(db, actor, sample) for sample in source.get("samples", ())}
    body = _with_samples(source["document"], stored)
    return workflows.create(db, actor, source["name"], body, settings=_settings(source))


def use_first(db: Session, actor: Actor) -> None:
    """Give a new owner the workflow to try first, if this installation has its template."""
    if FIRST in _sources():
        use(db, actor, FIRST)


@cache
def _sources() -> Mapping[str, Mapping[str, Any]]:
    found = [orjson.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))]
    return {source["id"]: source for source in sorted(found, key=lambda one: (one.get("featured", 1000), one["name"]))}


@cache
def _all() -> tuple[Template, ...]:
    return tuple(sorted(map(_shown, _sources().values()), key=lambda one: bool(one.needs)))


def _shown(source: Mapping[str, Any]) -> Template:
    nodes = document.load(source["document"]).nodes.values()
    types = [catalog()[node.type] for node in nodes if node.type != "flow.note"]
    return Template(
        id=source["id"],
        title=source["name"],
        summary=source["summary"],
        description=source["description"],
        category=source["category"],
        icon=source["icon"],
        minutes=source["minutes"],
        needs=tuple(source["accounts"]),
        result=tuple(source["result"]),
        nodes=tuple((one.icon, one.category) for one in types),
    )


def _settings(source: Mapping[str, Any]) -> dict[str, Any]:
    """What the workflow keeps of its template: the words of its form and what to try next."""
    rows = [sample["rows"] for sample in source.get("samples", ()) if "rows" in sample]
    return {
        "template": source["id"],
        "description": source["summary"],
        "run_label": source.get("run_label", ""),
        "sample_rows": rows[0] if rows else None,
        "prompts": source.get("prompts", []),
    }


def _with_samples(value: Any, stored: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        if _SAMPLE in value:
            return stored[value[_SAMPLE]]
        return {key: _with_samples(inner, stored) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_samples(inner, stored) for inner in value]
    return value


def _stored(db: Session, actor: Actor, sample: Mapping[str, Any]) -> dict[str, Any]:
    with (FOLDER / sample["path"]).open("rb") as stream:
        return files.reference(files.keep(db, actor, stream, sample["name"], sample["media_type"]))

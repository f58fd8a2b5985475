"""Workflows to start from. Each is a JSON file beside the code, with a title, a description and a document.

Where a document holds ``{"$sample": "messages.csv"}``, using the template stores that file of ``templates/samples`` in
the workspace and puts its reference there. ``settings`` may hold the description and the button of the workflow's form.
"""

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

FIRST: Final = "sort-customer-messages"
FOLDER: Final = CHECKOUT / "templates"
_SAMPLE: Final = "$sample"
_MEDIA_TYPES: Final = {".csv": "text/csv", ".json": "application/json"}


@dataclass(frozen=True, slots=True)
class Template:
    """A template in a gallery. ``nodes`` are the icons and categories of its picture, in the order of the document.

    ``needs`` names the kinds of accounts that have to be connected first; empty: it works now.
    """

    id: str
    title: str
    description: str
    minutes: int
    needs: tuple[str, ...]
    nodes: tuple[tuple[str, str], ...]


@reads
def list_templates(db: Session, actor: Actor) -> list[Template]:
    """All templates, those that work now first."""
    del db, actor
    return list(_all())


def use(db: Session, actor: Actor, template_id: str) -> str:
    """A new workflow of this template, with its samples; returns its id."""
    actor.need("editor")
    source = _sources().get(template_id)
    if source is None:
        raise NotFound("template")
    body = _with_samples(db, actor, source["document"])
    return workflows.create(db, actor, source["title"], body, settings=source.get("settings"))


def use_first(db: Session, actor: Actor) -> None:
    """Give a new owner the workflow to try first, if this installation has its template."""
    if FIRST in _sources():
        use(db, actor, FIRST)


@cache
def _sources() -> Mapping[str, Mapping[str, Any]]:
    return {path.stem: orjson.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}


@cache
def _all() -> tuple[Template, ...]:
    found = [_shown(template_id, source) for template_id, source in _sources().items()]
    return tuple(sorted(found, key=lambda one: (bool(one.needs), one.title)))


def _shown(template_id: str, source: Mapping[str, Any]) -> Template:
    nodes = document.load(source["document"]).nodes.values()
    types = [catalog()[node.type] for node in nodes]
    return Template(
        id=template_id,
        title=source["title"],
        description=source["description"],
        minutes=source.get("minutes", 1),
        needs=tuple(source.get("needs", ())),
        nodes=tuple((one.icon, one.category) for one in types),
    )


def _with_samples(db: Session, actor: Actor, value: Any) -> Any:
    if isinstance(value, Mapping):
        if _SAMPLE in value:
            return _sample(db, actor, value[_SAMPLE])
        return {key: _with_samples(db, actor, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_samples(db, actor, inner) for inner in value]
    return value


def _sample(db: Session, actor: Actor, name: str) -> Any:
    path = FOLDER / "samples" / name
    with path.open("rb") as stream:
        return files.reference(files.keep(db, actor, stream, path.name, _MEDIA_TYPES[path.suffix]))

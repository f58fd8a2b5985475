"""The catalogue as palette and quick add show it."""

from app.pages.editor.ports import View, in_port, out_ports, results
from engine.catalog import Catalog
from engine.contract import NodeType

CATEGORIES = {
    "trigger": "Triggers",
    "flow": "Flow",
    "ai": "AI",
    "data": "Fields and values",
    "lists": "Lists and tables",
    "text": "Text and formats",
    "dates": "Dates and numbers",
    "security": "Security",
    "values": "Stored values",
    "files": "Files",
    "images": "Images",
    "http": "Web",
    "code": "Code",
}


def palette(catalog: Catalog) -> list[View]:
    """The catalogue as palette and quick add show it, by category."""
    order = list(CATEGORIES)
    ranked = sorted(
        catalog.all(), key=lambda one: (order.index(one.category) if one.category in order else 99, one.title)
    )
    return [_type_view(one) for one in ranked]


def _type_view(one: NodeType) -> View:
    return {
        "type": one.id,
        "title": one.title,
        "icon": one.icon,
        "kind": one.category,
        "categoryTitle": CATEGORIES.get(one.category, one.category.capitalize()),
        "subtitle": one.subtitle or _first_sentence(one),
        "keywords": " ".join(one.keywords),
        "help": one.doc.partition("\n")[0],
        "trigger": one.kind == "trigger",
        "ins": [in_port(one, name) for name, spec in one.fields.items() if spec.port],
        "outs": out_ports(one, {}),
        "body": one.body,
        "results": results(one),
    }


def _first_sentence(one: NodeType) -> str:
    return one.doc.partition("\n")[0].partition(". ")[0].removesuffix(".")

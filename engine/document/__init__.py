"""The text twin of a drawing: the document as JSON or YAML, both ways equal."""

from engine.document.loading import load
from engine.document.reading import MAX_NODES, MAX_TEXT, load_node
from engine.document.schema import schema
from engine.document.writing import dump, dump_node
from engine.document.yaml import from_yaml, to_yaml
from engine.problem import DocumentError

__all__ = [
    "MAX_NODES",
    "MAX_TEXT",
    "DocumentError",
    "dump",
    "dump_node",
    "from_yaml",
    "load",
    "load_node",
    "schema",
    "to_yaml",
]

"""The text twin of a drawing: the document as JSON or YAML, both ways equal."""

from engine.document.reading import MAX_NODES, MAX_TEXT, load
from engine.document.schema import schema
from engine.document.writing import dump
from engine.document.yaml import from_yaml, to_yaml
from engine.problem import DocumentError

__all__ = ["MAX_NODES", "MAX_TEXT", "DocumentError", "dump", "from_yaml", "load", "schema", "to_yaml"]

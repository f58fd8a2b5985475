"""A node's failure as a record, free of secrets: stored with its step, shown to people, sent to the error output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.contract import NodeError, PermanentError, RetryableError, errors
from engine.graph import Node
from engine.telemetry import HIDDEN, hide_secrets

LONGEST_TEXT = 4_000


def to_record(error: NodeError, node: Node, item: str, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """{kind, message, hint, node, label, item} and, where known, status, request, response, field.

    Args:
        item: which item of a mapped node; empty for the whole node.
        secrets: values that the call has read; each occurrence is hidden, beside what `hide_secrets` knows itself.
    """
    record: dict[str, Any] = {
        "kind": error.kind,
        "message": hide_secrets(error.message)[:LONGEST_TEXT],
        "hint": hide_secrets(error.hint)[:LONGEST_TEXT],
        "node": node.id,
        "label": node.title,
        "item": item,
    }
    if error.status is not None:
        record["status"] = error.status
    for name in ("request", "response"):
        if (told := getattr(error, name)) is not None:
            record[name] = _short(hide_secrets(told))
    if field := getattr(error, "field", ""):
        record["field"] = field
    hidden: dict[str, Any] = without(record, secrets)
    return hidden


def from_record(record: Mapping[str, Any]) -> NodeError:
    """The error again, of its own kind, as a resumed run needs it."""
    kind = getattr(errors, str(record.get("kind", "")), PermanentError)
    details = {name: record[name] for name in ("hint", "status", "request", "response") if name in record}
    if not (isinstance(kind, type) and issubclass(kind, NodeError)) or kind is errors.ListLengthMismatch:
        kind = PermanentError
    if kind is NodeError or kind is RetryableError:
        kind = PermanentError
    return kind(str(record.get("message", "")), **details)


def without(value: Any, secrets: Iterable[str]) -> Any:
    """The plain data with every occurrence of the secrets hidden."""
    for secret in secrets:
        value = _replaced(value, secret)
    return value


def _replaced(value: Any, secret: str) -> Any:
    if isinstance(value, str):
        return value.replace(secret, HIDDEN)
    if isinstance(value, Mapping):
        return {key: _replaced(held, secret) for key, held in value.items()}
    if isinstance(value, list):
        return [_replaced(held, secret) for held in value]
    return value


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}… ({len(value)} characters)"
    if isinstance(value, Mapping):
        return {key: _short(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_short(held) for held in value[:100]]
    return value

"""A node's failure as a record, free of secrets: stored with its step, shown to people, sent to the error output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.contract import NodeError, NodeType, PermanentError, RetryableError, errors
from engine.graph import Node
from engine.telemetry import HIDDEN, hide_in_fields, hide_secrets

LONGEST_TEXT = 4_000


class FailedInside(PermanentError):
    """A node inside of a container, or of a workflow that was called, failed: `record` is that node's.

    `given`: what that node was given, as rows hold it.
    """

    def __init__(self, record: Mapping[str, Any], given: Any = None) -> None:
        super().__init__(str(record.get("message", "")), hint=str(record.get("hint", "")))
        self.record = dict(record)
        self.given = given


def without_secrets(raw: Mapping[str, Any], node_type: NodeType) -> dict[str, Any]:
    """What a call was given, as it may be stored and shown."""
    return hide_in_fields(raw, [name for name, spec in node_type.fields.items() if spec.sent])


def given_to(error: NodeError) -> Any:
    """What a node was given that failed inside of another, if it did."""
    return error.given if isinstance(error, FailedInside) else None


def to_record(error: NodeError, node: Node, item: str, secrets: Iterable[str] = (), scope: str = "") -> dict[str, Any]:
    """{kind, message, hint, node, label, item} and, where known, scope, status, request, response, field.

    What failed inside of a container keeps the record that the node inside made.

    Args:
        item: which item of a mapped node; empty for the whole node.
        scope: where the node stands, if inside of a container.
        secrets: values that the call has read; each occurrence is hidden, beside what `hide_secrets` knows itself.
    """
    if isinstance(error, FailedInside):
        return error.record
    record: dict[str, Any] = {
        "kind": error.kind,
        "message": hide_secrets(error.message)[:LONGEST_TEXT],
        "hint": hide_secrets(error.hint)[:LONGEST_TEXT],
        "node": node.id,
        "label": node.title,
        "item": item,
    }
    if scope:
        record["scope"] = scope
    if error.status is not None:
        record["status"] = error.status
    for name in ("request", "response"):
        if (told := getattr(error, name)) is not None:
            record[name] = _short(hide_secrets(told))
    if field := getattr(error, "field", ""):
        record["field"] = field
    hidden: dict[str, Any] = without(record, secrets)
    return hidden


def kind_of(error: NodeError) -> type[NodeError]:
    """The class of a failure, also of one that happened inside of another."""
    if not isinstance(error, FailedInside):
        return type(error)
    kind = getattr(errors, str(error.record.get("kind", "")), PermanentError)
    return kind if isinstance(kind, type) and issubclass(kind, NodeError) else PermanentError


def of_run(message: str, hint: str) -> dict[str, Any]:
    """The record of a failure that is no single node's."""
    record = to_record(PermanentError(message, hint=hint), Node(id="workflow", type=""), "")
    return {**record, "node": "", "label": ""}


def from_record(record: Mapping[str, Any], node_id: str = "", given: Any = None) -> NodeError:
    """The error again, of its own kind, as a resumed run needs it; `node_id` is the node whose row it stands in."""
    if node_id and record.get("node") != node_id:
        return FailedInside(record, given)
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

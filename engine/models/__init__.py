"""Every table of the product. Importing this package registers them all, so that no foreign key points nowhere."""

from engine.models.base import Instant, Table, from_ms, new_id, now, to_ms
from engine.models.people import ApiKey, AuthSession, Membership, Role, User, Workspace
from engine.models.runs import (
    Attempt,
    Payload,
    PayloadNames,
    Run,
    RunPayload,
    RunStatus,
    Segment,
    SegmentStatus,
    Spending,
    Step,
    StepStatus,
    StoredFile,
    Wait,
)
from engine.models.values import SeenKey, StoredValue, ValueChange
from engine.models.workflows import Credential, DraftEdit, FormLink, Trigger, Workflow, WorkflowVersion

__all__ = [
    "ApiKey",
    "Attempt",
    "AuthSession",
    "Credential",
    "DraftEdit",
    "FormLink",
    "Instant",
    "Membership",
    "Payload",
    "PayloadNames",
    "Role",
    "Run",
    "RunPayload",
    "RunStatus",
    "SeenKey",
    "Segment",
    "SegmentStatus",
    "Spending",
    "Step",
    "StepStatus",
    "StoredFile",
    "StoredValue",
    "Table",
    "Trigger",
    "User",
    "ValueChange",
    "Wait",
    "Workflow",
    "WorkflowVersion",
    "Workspace",
    "from_ms",
    "new_id",
    "now",
    "to_ms",
]

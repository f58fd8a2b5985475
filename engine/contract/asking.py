"""How a node puts its call to somebody outside: a person who decides, or whoever calls a one-time address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from engine.contract.nodetype import Fired


@dataclass(frozen=True)
class Asking:
    """Park the call until an answer comes, or until `until`; then the function is called again and finds the `Answer`.

    Args:
        kind: `call`, answered through the `OneTimeAddress` of the call; `approval`, decided by a member.
        until: the deadline; without one it waits for as long as it takes.
        detail: what those who answer are shown, as plain JSON.
        evidence: the value in question, of any size; kept with the question.
        early: leaves at once, while the call still waits, through an output declared `early`.
    """

    kind: Literal["call", "approval"]
    until: datetime | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    evidence: Any = None
    early: Fired | None = None


@dataclass(frozen=True)
class Answer:
    """What came to a call that had asked. Before it asks, `came` and `late` are both False.

    `late`: the deadline passed first. `value`: what the answer says, by names that depend on the kind: `payload` for a
    call; `choice`, `by`, `at` and `note` for an approval.
    """

    came: bool = False
    late: bool = False
    value: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OneTimeAddress:
    """An address that anybody may call once, without signing in; it is open once the call has asked (`Asking`)."""

    url: str

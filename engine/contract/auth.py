"""The kinds of accounts (credentials) that nodes can ask for."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Secrets(BaseModel):
    """The fields of one kind of account. All of them are sealed at rest and never shown again."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How often a service may be called with one account, by all workers together; None is no limit.

    `burst` is how many of the calls per second may come together; without it, a second's worth. `per_minute` holds in
    every minute, wherever it begins. `at_once` is how many calls may be under way.
    """

    per_second: float | None = None
    per_minute: int | None = None
    burst: int | None = None
    at_once: int | None = None


@dataclass(frozen=True)
class CredentialType:
    """A kind of account: its id, what people call it, and the model of its secret fields.

    `limits` are those of the service, as its documentation says, or what any service bears where it is not known. They
    hold for each account that sets none of its own.
    """

    id: str
    title: str
    description: str
    fields: type[Secrets]
    limits: CallLimits = CallLimits()

"""The kinds of accounts (credentials) that nodes can ask for."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Secrets(BaseModel):
    """The fields of one kind of account. All of them are sealed at rest and never shown again."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True)
class CredentialType:
    """A kind of account: its id, what people call it, and the model of its secret fields."""

    id: str
    title: str
    description: str
    fields: type[Secrets]

"""Who asks, and what is theirs: the one tenant filter of the product."""

from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy import ColumnElement
from sqlmodel import col

from app.services.errors import Forbidden

Role = Literal["owner", "editor", "viewer"]
Via = Literal["session", "jwt", "api_key", "form", "webhook"]

RANK: dict[Role, int] = {"viewer": 0, "editor": 1, "owner": 2}
_ALLOWS: dict[Role, str] = {
    "viewer": "look at things",
    "editor": "change or run things",
    "owner": "manage the workspace",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """The person or machine on whose behalf a service works, inside exactly one workspace.

    ``user_id`` is empty for a visitor of a public form.
    """

    user_id: str
    workspace_id: str
    role: Role
    name: str = ""
    email: str = ""
    via: Via = "session"

    def need(self, role: Role) -> None:
        """Raise Forbidden unless the actor's role is ``role`` or higher."""
        if RANK[self.role] < RANK[role]:
            raise Forbidden(f"Your role here is {self.role}. Only {role}s may {_ALLOWS[role]}.")


class Tenant(Protocol):
    """A table whose rows belong to a workspace."""

    workspace_id: str


def owned(model: type[Tenant], actor: Actor) -> ColumnElement[bool]:
    """The condition every query carries: rows of the actor's workspace and no others."""
    return col(model.workspace_id) == actor.workspace_id

"""API keys for machines."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.auth import SignedIn
from app.services import api_keys, unit
from app.services.access import Role
from app.services.api_keys import KeyView

router = APIRouter(prefix="/keys", tags=["API keys"])


class NewKey(BaseModel):
    """What the key is for and what it may do."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=120, description="Where the key is used", examples=["Nightly import"])
    role: Role = Field(default="editor", description="viewer reads, editor edits and runs, owner manages")


class CreatedKey(BaseModel):
    """The new key. Its text is shown this once."""

    info: KeyView
    key: str = Field(description="Send it as `Authorization: Bearer …`")


@router.get("")
async def list_keys(actor: SignedIn) -> list[KeyView]:
    """The keys that are in force."""
    return await unit.ask(api_keys.list_keys, actor)


@router.post("", status_code=201)
async def create_key(actor: SignedIn, body: NewKey) -> CreatedKey:
    """Make a key for this workspace, with at most one's own role."""
    info, key = await unit.ask(api_keys.create, actor, body.name, body.role)
    return CreatedKey(info=info, key=key)


@router.delete("/{key_id}", status_code=204)
async def revoke_key(actor: SignedIn, key_id: str) -> None:
    """End a key for good."""
    await unit.ask(api_keys.revoke, actor, key_id)

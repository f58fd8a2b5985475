"""Signing in and out, tokens, and the person who asks."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.api.auth import COOKIE, SignedIn, address_of, counted, keep_session
from app.services import accounts, tokens, unit, workflows
from app.services.access import Via
from app.services.accounts import Appearance

router = APIRouter(tags=["Signing in"])
Email = Annotated[str, Field(max_length=254, description="E-mail address", examples=["ada@example.com"])]
Password = Annotated[SecretStr, Field(max_length=1000, description="Password of at least 10 characters")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class SignIn(_Body):
    """E-mail and password."""

    email: Email
    password: Password


class Owner(SignIn):
    """The first person of a new installation."""

    name: str = Field(max_length=200, description="The person's name", examples=["Ada Lovelace"])


class NewPassword(_Body):
    """The current password and the one to replace it."""

    old: Password
    new: Password


class ProfileChange(_Body):
    """What is left out stays as it is."""

    name: str | None = Field(default=None, max_length=200, description="The person's name")
    email: str | None = Field(default=None, max_length=254, description="E-mail address for signing in")
    appearance: Appearance | None = Field(default=None, description="Light, dark, or as the device has it")


class Token(BaseModel):
    """A JSON Web Token, to be sent as ``Authorization: Bearer …``."""

    access_token: str
    token_type: Literal["Bearer"] = Field(default="Bearer")
    expires_in: int = Field(description="Seconds")


@dataclass(frozen=True, slots=True)
class Me:
    """Who the proof of this request speaks for."""

    user_id: str
    workspace_id: str
    name: str
    email: str
    appearance: str
    workspace: str
    workspace_slug: str
    role: str
    via: Via


class FirstSteps(BaseModel):
    """What a new owner starts with."""

    workflow_id: str | None = Field(description="The workflow to try first")


@router.post("/owner", status_code=201, dependencies=[Depends(counted)])
async def create_owner(body: Owner, response: Response) -> FirstSteps:
    """Create the first person of a new installation with a workflow to try, and sign them in."""
    token = await accounts.sign_up_owner(body.name, body.email, body.password.get_secret_value())
    keep_session(response, token)
    actor = await accounts.actor_of_session(token)
    made = await unit.ask(workflows.list_workflows, actor) if actor else []
    return FirstSteps(workflow_id=made[0].id if made else None)


@router.post("/session", status_code=204, dependencies=[Depends(counted)])
async def sign_in(request: Request, body: SignIn) -> Response:
    """Sign in a browser: sets the session cookie."""
    token = await accounts.sign_in(body.email, body.password.get_secret_value(), address_of(request))
    response = Response(status_code=204)
    keep_session(response, token)
    return response


@router.delete("/session", status_code=204, dependencies=[Depends(counted)])
async def sign_out(request: Request) -> Response:
    """End the session of this browser and remove the cookie."""
    token = request.cookies.get(COOKIE)
    if token:
        await unit.ask(accounts.sign_out, token)
    response = Response(status_code=204, headers={"Clear-Site-Data": '"cache", "storage"'})
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    return response


@router.post("/tokens", dependencies=[Depends(counted)])
async def create_token(request: Request, body: SignIn) -> Token:
    """Exchange e-mail and password for a token that is good for 15 minutes."""
    token = await tokens.sign_in(body.email, body.password.get_secret_value(), address_of(request))
    return Token(access_token=token, expires_in=tokens.LIFETIME_SECONDS)


me = APIRouter(tags=["Me"])


@me.get("/me")
async def read_me(actor: SignedIn) -> Me:
    """The person, workspace and role of the proof that came with this request."""
    profile = await unit.ask(accounts.profile, actor)
    return Me(
        user_id=actor.user_id,
        workspace_id=actor.workspace_id,
        name=profile.name,
        email=profile.email,
        appearance=profile.appearance,
        workspace=profile.workspace,
        workspace_slug=profile.workspace_slug,
        role=actor.role,
        via=actor.via,
    )


@me.patch("/me", status_code=204)
async def change_me(actor: SignedIn, body: ProfileChange) -> None:
    """Change name, e-mail or appearance of the person who asks."""
    profile = await unit.ask(accounts.profile, actor)
    if body.name is not None or body.email is not None:
        await unit.ask(accounts.update_profile, actor, body.name or profile.name, body.email or profile.email)
    if body.appearance is not None:
        await unit.ask(accounts.set_appearance, actor, body.appearance)


@me.put("/me/password", status_code=204)
async def change_password(actor: SignedIn, body: NewPassword) -> Response:
    """Change the password and end every session and token; this browser gets a new session."""
    token = await accounts.change_password(actor, body.old.get_secret_value(), body.new.get_secret_value())
    response = Response(status_code=204)
    keep_session(response, token)
    return response

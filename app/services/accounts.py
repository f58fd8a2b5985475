"""People: the first owner, sign-in and out, profile, password. No password is hashed inside a transaction."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, cast, get_args

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from app.services import passwords, secrets, templates, unit
from app.services.access import Actor, Role, owned
from app.services.errors import Conflict, Forbidden, Invalid, NotFound, SignedOut
from app.services.limits import Limit, limiter
from app.services.unit import reads
from app.services.words import name_of
from engine.models import AuthSession, Membership, User, Workspace, now

LIFETIME: Final = timedelta(days=30)
_RENEW_AFTER: Final = timedelta(days=1)
_FIRST_SLUG: Final = "main"
_PER_ADDRESS_AND_EMAIL: Final = Limit("sign-in", 10, 900)
_PER_ADDRESS: Final = Limit("sign-in-address", 100, 900)
_PER_EMAIL: Final = Limit("sign-in-email", 100, 3600)

Appearance = Literal["system", "light", "dark"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What the settings page shows of the person who asks."""

    name: str
    email: str
    appearance: Appearance
    workspace: str
    workspace_slug: str
    role: Role


@reads
def has_owner(db: Session) -> bool:
    """Whether the first start is over."""
    return db.scalar(select(func.count()).select_from(User)) != 0


async def sign_up_owner(name: str, email: str, password: str) -> str:
    """Create the first person, their workspace and a first workflow to try; returns a session token.

    Raises:
        Invalid: a field is wrong.
        Conflict: there is an owner already.
    """
    name, email = name_of(name), _email(email)
    passwords.check(password)
    if await unit.ask(has_owner):
        raise Conflict("Weft has an owner already. Sign in instead.")
    hashed = await passwords.hash_of(password)
    return await unit.ask(_create_owner, name, email, hashed)


async def sign_in(email: str, password: str, address: str) -> str:
    """A new session token for the right password; ``address`` is the caller's network address.

    Raises:
        SignedOut: wrong e-mail or password; which of them is not told, nor can it be timed.
        TooMany: too many tries.
    """
    user = await check_password(email, password, address)
    return await unit.ask(_open_session, user.id)


async def check_password(email: str, password: str, address: str) -> User:
    """The person with this e-mail and password; raises as ``sign_in``."""
    email = email.strip().lower()
    guard, pair = limiter(), f"{address}:{secrets.fingerprint(email)}"
    message = "Too many tries. Wait a few minutes, then try again."
    await guard.need(_PER_ADDRESS, address, message)
    await guard.need(_PER_EMAIL, secrets.fingerprint(email), message)
    await guard.need(_PER_ADDRESS_AND_EMAIL, pair, message)
    user = await unit.ask(_user_by_email, email)
    right = await passwords.matches(user.password_hash if user else None, password[: passwords.LONGEST])
    if not right or user is None:
        raise SignedOut("E-mail or password is wrong.")
    await guard.forgive(_PER_ADDRESS_AND_EMAIL, pair)
    if passwords.outdated(user.password_hash):
        await unit.ask(_store_hash, user.id, await passwords.hash_of(password))
    return user


def sign_out(db: Session, token: str) -> None:
    """End the session, if it is one."""
    db.execute(delete(AuthSession).where(col(AuthSession.token_hash) == secrets.fingerprint(token)))


def sign_out_everywhere(db: Session, actor: Actor) -> None:
    """End every session of the person who asks."""
    db.execute(delete(AuthSession).where(col(AuthSession.user_id) == actor.user_id))


async def actor_of_session(token: str) -> Actor | None:
    """Who the session cookie speaks for, or None. A session that is used lives on (30 days, renewed daily)."""
    if not token:
        return None
    found = await unit.ask(_session_actor, token)
    if found is None:
        return None
    actor, due = found
    if due:
        await unit.ask(_renew, token)
    return actor


@reads
def actor_for_session(db: Session, token: str) -> Actor | None:
    """Who the token speaks for, or None when it is unknown, expired, or its person has left the workspace."""
    found = _session_actor(db, token)
    return found[0] if found else None


@reads
def actor_for_user(db: Session, user_id: str, workspace_id: str) -> tuple[Actor, str] | None:
    """The person's actor in that workspace and the hash of their password, or None."""
    row = db.execute(
        select(User, col(Membership.role))
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(col(User.id) == user_id, col(Membership.workspace_id) == workspace_id)
    ).first()
    if row is None:
        return None
    user, role = row
    return Actor(user.id, workspace_id, cast(Role, role), user.name, user.email), user.password_hash


@reads
def first_workspace(db: Session, user_id: str) -> str:
    """The workspace a person lands in: the one they have been in longest."""
    query = select(col(Membership.workspace_id)).where(col(Membership.user_id) == user_id)
    found = db.scalar(query.order_by(col(Membership.created_at), col(Membership.id)).limit(1))
    if found is None:
        raise Forbidden("You are not a member of any workspace.")
    return found


@reads
def profile(db: Session, actor: Actor) -> Profile:
    """Name, e-mail, appearance, workspace and role."""
    user, workspace = _me(db, actor), _workspace(db, actor)
    appearance = cast(Appearance, user.appearance)
    return Profile(user.name, user.email, appearance, workspace.name, workspace.slug, actor.role)


def update_profile(db: Session, actor: Actor, name: str, email: str) -> None:
    """Change name and e-mail of the person who asks."""
    user, email = _me(db, actor), _email(email)
    taken = db.scalar(select(col(User.id)).where(col(User.email) == email, col(User.id) != user.id))
    if taken:
        raise Invalid.field("email", "Another person here uses this e-mail address.")
    user.name, user.email = name_of(name), email


def set_appearance(db: Session, actor: Actor, appearance: str) -> None:
    """Light, dark, or as the device has it."""
    if appearance not in get_args(Appearance):
        raise Invalid.field("appearance", "Choose system, light or dark.")
    _me(db, actor).appearance = appearance


def rename_workspace(db: Session, actor: Actor, name: str) -> None:
    """Change the workspace's name; its slug stays, since webhook addresses contain it."""
    actor.need("owner")
    _workspace(db, actor).name = name_of(name)


async def change_password(actor: Actor, old: str, new: str) -> str:
    """Change the password and end every session; returns the token of a new one for this browser.

    Raises:
        Invalid: the old password is wrong or the new one too weak.
        TooMany: too many tries.
    """
    await limiter().need(_PER_EMAIL, actor.user_id, "Too many tries. Wait a few minutes, then try again.")
    user = await unit.ask(_me_detached, actor)
    if not await passwords.matches(user.password_hash, old[: passwords.LONGEST]):
        raise Invalid.field("old", "This is not your current password.")
    passwords.check(new)
    return await unit.ask(_replace_password, actor, user.password_hash, await passwords.hash_of(new))


@reads
def _user_by_email(db: Session, email: str) -> User | None:
    return db.scalar(select(User).where(col(User.email) == email))


@reads
def _me_detached(db: Session, actor: Actor) -> User:
    return _me(db, actor)


def _me(db: Session, actor: Actor) -> User:
    query = select(User).join(Membership, col(Membership.user_id) == col(User.id))
    user = db.scalar(query.where(col(User.id) == actor.user_id, owned(Membership, actor)))
    if user is None:
        raise NotFound("person")
    return user


def _workspace(db: Session, actor: Actor) -> Workspace:
    workspace = db.scalar(select(Workspace).where(col(Workspace.id) == actor.workspace_id))
    if workspace is None:
        raise NotFound("workspace")
    return workspace


def _create_owner(db: Session, name: str, email: str, hashed: str) -> str:
    if has_owner(db):
        raise Conflict("Weft has an owner already. Sign in instead.")
    user = User(email=email, name=name, password_hash=hashed)
    # The fixed slug is unique: of two first starts at the same moment, one fails.
    workspace = Workspace(name=f"{name.split(maxsplit=1)[0]}'s workspace", slug=_FIRST_SLUG)
    db.add_all([user, workspace])
    db.flush()
    db.add(Membership(workspace_id=workspace.id, user_id=user.id, role="owner"))
    db.flush()
    templates.use_first(db, Actor(user.id, workspace.id, "owner", name, email))
    return _open_session(db, user.id)


def _open_session(db: Session, user_id: str) -> str:
    token = secrets.new_token()
    moment = now()
    db.execute(delete(AuthSession).where(col(AuthSession.expires_at) < moment))
    db.add(
        AuthSession(
            workspace_id=first_workspace(db, user_id),
            user_id=user_id,
            token_hash=secrets.fingerprint(token),
            expires_at=moment + LIFETIME,
        )
    )
    return token


@reads
def _session_actor(db: Session, token: str) -> tuple[Actor, bool] | None:
    row = db.execute(
        select(
            col(AuthSession.workspace_id),
            col(AuthSession.expires_at),
            col(User.id),
            col(User.name),
            col(User.email),
            col(Membership.role),
        )
        .join(User, col(User.id) == col(AuthSession.user_id))
        .join(
            Membership,
            (col(Membership.user_id) == col(User.id)) & (col(Membership.workspace_id) == col(AuthSession.workspace_id)),
        )
        .where(col(AuthSession.token_hash) == secrets.fingerprint(token), col(AuthSession.expires_at) > now())
    ).first()
    if row is None:
        return None
    workspace_id, expires_at, user_id, name, email, role = row
    actor = Actor(user_id, workspace_id, cast(Role, role), name, email, "session")
    return actor, expires_at - now() < LIFETIME - _RENEW_AFTER


def _renew(db: Session, token: str) -> None:
    found = col(AuthSession.token_hash) == secrets.fingerprint(token)
    db.execute(update(AuthSession).where(found).values(expires_at=now() + LIFETIME))


def _store_hash(db: Session, user_id: str, hashed: str) -> None:
    db.execute(update(User).where(col(User.id) == user_id).values(password_hash=hashed))


def _replace_password(db: Session, actor: Actor, known: str, hashed: str) -> str:
    user = _me(db, actor)
    if user.password_hash != known:
        raise Conflict("The password was changed in the meantime.")
    user.password_hash = hashed
    sign_out_everywhere(db, actor)
    return _open_session(db, actor.user_id)


def _email(email: str) -> str:
    try:
        found = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Invalid.field("email", f"This is not an e-mail address: {error}") from None
    return found.normalized.lower()

"""JSON Web Tokens (RFC 7519): a short-lived proof of who signed in, for programs that act for a person."""

from functools import cache
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from app.services import accounts, secrets, unit
from app.services.access import Actor
from engine.models import User, now
from engine.settings import settings

LIFETIME_SECONDS: Final = 900
_ISSUER: Final = "weft"
_ALGORITHM: Final = "HS256"


async def sign_in(email: str, password: str, address: str) -> str:
    """A token for the right password; raises as ``accounts.sign_in``."""
    user = await accounts.check_password(email, password, address)
    return issue(user, await unit.ask(accounts.first_workspace, user.id))


def issue(user: User, workspace_id: str) -> str:
    """A token that is good for 15 minutes, or until the password changes."""
    moment = int(now().timestamp())
    claims = {
        "iss": _ISSUER,
        "aud": _ISSUER,
        "sub": user.id,
        "ws": workspace_id,
        "pwd": _mark(user.password_hash),
        "iat": moment,
        "exp": moment + LIFETIME_SECONDS,
    }
    return jwt.encode({"alg": _ALGORITHM}, claims, _key(settings().secret_key))


async def actor_for_jwt(token: str) -> Actor | None:
    """Who the token speaks for, or None when it is forged, over, or older than the password."""
    try:
        claims = jwt.decode(token, _key(settings().secret_key), algorithms=[_ALGORITHM]).claims
        _claims().validate(claims)
    except (JoseError, ValueError):
        return None
    found = await unit.ask(accounts.actor_for_user, str(claims["sub"]), str(claims["ws"]))
    if found is None or _mark(found[1]) != claims["pwd"]:
        return None
    actor = found[0]
    return Actor(actor.user_id, actor.workspace_id, actor.role, actor.name, actor.email, "jwt")


def _claims() -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": _ISSUER},
        aud={"essential": True, "value": _ISSUER},
        sub={"essential": True},
        ws={"essential": True},
        pwd={"essential": True},
        exp={"essential": True},
    )


def _mark(password_hash: str) -> str:
    return secrets.fingerprint(password_hash)[:16]


@cache
def _key(secret: bytes) -> OctKey:
    return OctKey.import_key(HKDF(SHA256(), 32, salt=None, info=b"weft:jwt").derive(secret))

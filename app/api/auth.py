"""Who asks over REST: an API key or a JWT in the Authorization header, or the session cookie of the pages."""

from typing import Annotated, Final

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie, HTTPBearer

from app.services import accounts, api_keys, secrets, tokens, unit
from app.services.access import Actor
from app.services.errors import SignedOut
from app.services.limits import Limit, Verdict, limiter
from engine.settings import settings

COOKIE: Final = "weft_session"

_REQUESTS: Final = Limit("requests", 1200, 60)
_WRONG_PROOFS: Final = Limit("wrong-proofs", 60, 60)

# Only for the description: the proofs are read below.
_DESCRIBED = [
    Depends(HTTPBearer(auto_error=False, description="An API key (`weft_…`) or a token of POST /api/v1/tokens")),
    Depends(APIKeyCookie(name=COOKIE, auto_error=False, description="The session of a signed-in browser")),
]


def address_of(request: Request) -> str:
    """The network address that the request came from, as far as this server can know."""
    return request.client.host if request.client else "unknown"


async def counted(request: Request) -> None:
    """Count the request against its caller's limit; the answer's headers tell how much is left."""
    proof = request.headers.get("authorization") or request.cookies.get(COOKIE) or ""
    caller = secrets.fingerprint(proof)[:32] if proof else address_of(request)
    await _count(request, _REQUESTS, caller)


async def signed_in(request: Request) -> Actor:
    """Who asks; raises SignedOut, and TooMany for a caller who tries proof after proof."""
    scheme, _, proof = request.headers.get("authorization", "").partition(" ")
    if scheme:
        actor = await _by_bearer(proof.strip()) if scheme.lower() == "bearer" else None
    else:
        proof = request.cookies.get(COOKIE, "")
        actor = await accounts.actor_of_session(proof)
    if actor is None:
        if proof:
            await _count(request, _WRONG_PROOFS, address_of(request))
        raise SignedOut("Send an API key or a token in the Authorization header, or sign in.")
    return actor


def keep_session(response: Response, token: str) -> None:
    """Put the session in the browser's cookie, out of reach of scripts and of other sites' forms."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(accounts.LIFETIME.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings().public_url.startswith("https:"),
    )


async def _by_bearer(proof: str) -> Actor | None:
    if not proof.startswith(secrets.API_KEY_PREFIX):
        return await tokens.actor_for_jwt(proof)
    found = await unit.ask(api_keys.actor_for_api_key, proof)
    if found is None:
        return None
    actor, to_note = found
    if to_note:
        await unit.ask(api_keys.note_use, actor, to_note)
    return actor


async def _count(request: Request, limit: Limit, caller: str) -> None:
    verdict: Verdict = await limiter().ask(limit, caller)
    request.scope["weft.limit"] = verdict
    verdict.need("Too many requests. Slow down: the RateLimit header says how much is left.")


SignedIn = Annotated[Actor, Depends(signed_in)]
DESCRIBED = _DESCRIBED

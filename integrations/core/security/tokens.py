"""Make a JWT, read a JWT (JSON Web Token, RFC 7519)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field

from engine.contract import (
    Account,
    AuthExpired,
    BadParams,
    Credentials,
    KeyValue,
    Params,
    PermanentError,
    Port,
    RunInfo,
    Select,
    action,
)
from integrations.core.security.accounts import key_of, secret_of, symmetric
from integrations.core.values import number, show

Method = Literal["HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "Ed25519"]
MethodField = Annotated[Method, Select(options=get_args(Method))]
_METHOD = "HS: with a secret that both sides have. RS, PS, ES, Ed: with a private key"
SHORTEST_SECRET = 14  # bytes; below, NIST SP 800-131A no longer allows HMAC


class MakeJwt(Params):
    claims: Annotated[dict[str, Any], Port(), KeyValue(add="Add claim")] = Field(
        default_factory=dict,
        description="What the token says, such as sub (who), iss (from whom), aud (for whom)",
        examples=[{"sub": "ada", "role": "editor"}],
    )
    method: MethodField = Field(default="HS256", description=_METHOD, examples=["RS256"])
    account: Annotated[str, Account(types=("core.secret", "core.key"))] = Field(
        description="The secret, or the private key", examples=["acc_1"]
    )
    valid_minutes: float = Field(
        title="Valid for minutes",
        default=60,
        ge=0,
        le=5_300_000,
        description="How long it is valid, in minutes; 0: for ever",
        examples=[5],
    )
    key_id: str = Field(
        title="Key name",
        default="",
        description="The name of the key (kid), if the receiver asks for it",
        examples=["k1"],
    )


@action(
    "security.make_jwt",
    title="Make a JWT",
    category="security",
    icon="badge-check",
    subtitle="A signed token",
    keywords=("json web token", "jws", "bearer", "sign", "claims", "service account", "oauth"),
)
async def make_jwt(params: MakeJwt, credentials: Credentials, run: RunInfo) -> str:
    """Make a signed JSON Web Token, as many services ask for instead of a password. When it was made (iat) and until
    when it is valid (exp) is written in by itself, unless the claims say so already.

    With a list: each record of claims gives a token of its own.
    """
    from joserfc import jwt  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415

    key = await _key(params.method, params.account, credentials)
    now = int(run.now.timestamp())
    for name in ("exp", "nbf", "iat"):
        if name in params.claims and number(params.claims[name]) is None:
            raise BadParams(f"The claim “{name}” must be a number of seconds since 1970.", field="claims")
    times = {"iat": now} | ({"exp": now + round(params.valid_minutes * 60)} if params.valid_minutes else {})
    header = {"alg": params.method} | ({"kid": params.key_id} if params.key_id else {})
    try:
        return jwt.encode(header, times | params.claims, key, algorithms=[params.method])
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        raise BadParams(
            f"No token can be made: {show(str(error), 200)}.", field="claims", hint="Check the claims and the key."
        ) from error


class ReadJwt(Params):
    token: Annotated[str, Port()] = Field(
        description="The token; the word Bearer may stand in front", examples=["eyJhbG…"]
    )
    method: MethodField = Field(default="HS256", description=_METHOD, examples=["RS256"])
    account: Annotated[str, Account(types=("core.secret", "core.key"))] = Field(
        default="",
        description="The secret or public key to check it with; none: it is read, and not checked",
        examples=["acc_1"],
    )
    issuer: str = Field(default="", description="From whom it must be (iss)", examples=["https://accounts.example.com"])
    audience: str = Field(default="", description="For whom it must be (aud)", examples=["weft"])
    leeway: int = Field(default=60, ge=0, le=3600, description="Seconds by which clocks may differ", examples=[60])


class Token(BaseModel):
    """What a token says."""

    claims: dict[str, Any] = Field(description="What it says")
    header: dict[str, Any] = Field(description="How it is signed")
    checked: bool = Field(description="Whether its signature and times were checked; if not, anybody can have made it")


@action(
    "security.read_jwt",
    title="Read a JWT",
    category="security",
    icon="scan-text",
    subtitle="Check a token, get its claims",
    keywords=("json web token", "jws", "bearer", "verify", "decode", "claims"),
)
async def read_jwt(params: ReadJwt, credentials: Credentials, run: RunInfo) -> Token:
    """Check a JSON Web Token and give what it says. A token that is not valid, or no longer, is an error.

    Without an account it is only read: then anybody can have written it.

    With a list: each token is read by itself.
    """
    from joserfc import jws, jwt  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415

    text = params.token.strip().removeprefix("Bearer ").strip()
    try:
        if not params.account:
            unchecked = jws.extract_compact(text.encode())
            return Token(claims=_claims(unchecked.payload), header=dict(unchecked.headers()), checked=False)
        key = await _key(params.method, params.account, credentials)
        token = jwt.decode(text, key, algorithms=[params.method])
    except (JoseError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise PermanentError(
            "This token is not valid: it was signed with another key or method, changed, or is no JWT.",
            hint="Check that the account and the method are those of whoever made it.",
        ) from error
    _check(token.claims, params, int(run.now.timestamp()))
    return Token(claims=token.claims, header=dict(token.header), checked=True)


def _claims(payload: bytes | None) -> dict[str, Any]:
    import orjson  # noqa: PLC0415

    claims = orjson.loads(payload or b"")
    if not isinstance(claims, dict):
        raise TypeError("claims are a record")
    return claims


def _check(claims: dict[str, Any], params: ReadJwt, now: int) -> None:
    from joserfc.errors import ExpiredTokenError, JoseError  # noqa: PLC0415
    from joserfc.jwt import JWTClaimsRegistry  # noqa: PLC0415

    wanted: dict[str, Any] = {}
    if params.issuer:
        wanted["iss"] = {"essential": True, "value": params.issuer}
    if params.audience:
        wanted["aud"] = {"essential": True, "value": params.audience}
    try:
        JWTClaimsRegistry(now=now, leeway=params.leeway, **wanted).validate(claims)
    except ExpiredTokenError as error:
        raise AuthExpired("This token is no longer valid.", hint="Ask whoever made it for a new one.") from error
    except (JoseError, ValueError, TypeError) as error:
        raise PermanentError(f"This token is not valid here: {show(str(error), 200)}.") from error


async def _key(method: Method, account: str, credentials: Credentials) -> Any:
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import ECKey, OKPKey, RSAKey  # noqa: PLC0415

    if method.startswith("HS"):
        secret = await secret_of(account, credentials)
        if len(secret.encode()) < SHORTEST_SECRET:
            raise BadParams(
                f"This secret is too short to sign with: it has fewer than {SHORTEST_SECRET} characters.",
                field="account",
            )
        return symmetric(secret)
    pem = await key_of(account, credentials)
    kind: Any = {"RS256": RSAKey, "PS256": RSAKey, "ES256": ECKey, "Ed25519": OKPKey}[method]
    try:
        return kind.import_key(pem)
    except (JoseError, ValueError, TypeError) as error:
        raise BadParams(
            f"The account's key is not one for {method}.", field="method", hint="Choose the key's own method."
        ) from error

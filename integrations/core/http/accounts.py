"""The plain kinds of accounts: a token, a name with a password, a header."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.contract import AuthExpired, CallLimits, CredentialType, Secrets


class BearerToken(Secrets):
    token: str = Field(min_length=1, description="The token, without the word Bearer", examples=["abc123"])


class UserAndPassword(Secrets):
    username: str = Field(description="The user's name", examples=["ada"])
    password: str = Field(description="The password", examples=["correct horse"])


class SecretHeader(Secrets):
    name: str = Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", description="The header's name", examples=["X-API-Key"])
    value: str = Field(min_length=1, description="The header's value", examples=["abc123"])


# Which service such an account belongs to is not known. Few allow more than this, and more than that at once is unkind.
USUAL = CallLimits(per_second=50, at_once=20)
BEARER = CredentialType(
    "core.bearer", "Bearer token", "Sent as Authorization: Bearer with each call.", BearerToken, USUAL
)
BASIC = CredentialType(
    "core.basic", "User and password", "HTTP Basic authentication (RFC 7617).", UserAndPassword, USUAL
)
HEADER = CredentialType("core.header", "Secret header", "A header of your own, such as X-API-Key.", SecretHeader, USUAL)
CREDENTIALS = (BEARER, BASIC, HEADER)


def headers_of(kind: str, fields: Mapping[str, Any]) -> dict[str, str]:
    """The header that proves who calls. Raises `AuthExpired` for an account of another kind or with odd characters."""
    if kind == BEARER.id:
        headers = {"Authorization": f"Bearer {fields['token']}"}
    elif kind == BASIC.id:
        pair = f"{fields['username']}:{fields['password']}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    elif kind == HEADER.id:
        headers = {str(fields["name"]): str(fields["value"])}
    else:
        raise AuthExpired("This account is of a kind that HTTP request cannot use.", hint="Choose another account.")
    if any(not (value.isascii() and value.isprintable()) for value in headers.values()):
        raise AuthExpired("The account holds characters that no header can carry.", hint="Enter it again.")
    return headers

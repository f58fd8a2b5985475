"""What of a request and an answer may be stored and shown: everything but secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import httpx

HIDDEN = "•••"
_SECRET_NAME = re.compile(
    r"auth|cookie|token|secret|passw|pwd|session|credential|signature|^sig$|^code$"
    r"|(api|access|subscription|app|application|client|license|service|account)[-_]?key|^(x-)?key$",
    re.IGNORECASE,
)
_LONGEST_BODY = 4_000
_SHORTEST_SECRET = 6


def speaks_of_secret(name: str) -> bool:
    """Whether a header or parameter of this name usually carries a secret."""
    return bool(_SECRET_NAME.search(name))


def shown_headers(headers: Mapping[str, str], secret: Collection[str] = ()) -> dict[str, str]:
    """The headers; those whose name speaks of a secret or is in `secret` (small letters) without their value."""
    return {
        name: HIDDEN if name.lower() in secret or speaks_of_secret(name) else value for name, value in headers.items()
    }


def shown_url(url: str) -> str:
    """The URL without its user and password, and without the values of parameters that speak of a secret."""
    try:
        parsed = httpx.URL(url)
        params = [(name, HIDDEN if speaks_of_secret(name) else value) for name, value in parsed.params.multi_items()]
        query = "&".join(f"{name}={value}" for name, value in params)
        return str(parsed.copy_with(userinfo=b"", query=None)) + (f"?{query}" if query else "")
    except (httpx.InvalidURL, ValueError, TypeError):
        return url.partition("?")[0].rpartition("@")[2][:200]


def secrets_of(headers: Mapping[str, str], url: str, secret: Collection[str] = ()) -> frozenset[str]:
    """What a request carries in its headers and its query that nobody may read; `secret` as in `shown_headers`."""
    found = [value for name, value in headers.items() if name.lower() in secret or speaks_of_secret(name)]
    found += [word for value in found for word in value.split()[1:]]  # without the scheme before a token
    found += [value for name, value in httpx.URL(url).params.multi_items() if speaks_of_secret(name)]
    return frozenset(value for value in found if len(value) >= _SHORTEST_SECRET)


def blanked(text: str, secrets: Collection[str]) -> str:
    """The text without these values: services repeat what they were sent."""
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


def shown_body(text: str) -> str:
    """The beginning of a body."""
    return text if len(text) <= _LONGEST_BODY else f"{text[:_LONGEST_BODY]}… ({len(text):,} characters)"

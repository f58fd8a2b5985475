"""The page at a one-time address: plain HTML in the product's look, for browsers of people who have no account here.

It loads nothing from elsewhere, keeps nothing, tells no other site where it was, and works without scripts.
"""

import base64
import hashlib
from html import escape
from string import Template
from typing import Final

from fastapi import Response

_DARK: Final = 'if(matchMedia("(prefers-color-scheme: dark)").matches)document.documentElement.classList.add("dark")'
_DARK_HASH: Final = base64.b64encode(hashlib.sha256(_DARK.encode()).digest()).decode()
_HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'sha256-{_DARK_HASH}'; style-src 'self'; font-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}
_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<title>$title</title>
<script>$dark</script>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/css/tokens.css">
<link rel="stylesheet" href="/css/base.css">
<link rel="stylesheet" href="/css/controls.css">
<link rel="stylesheet" href="/css/layout.css">
<link rel="stylesheet" href="/css/pages.css">
</head>
<body>
<main class="public call-page" id="content">
<div class="card call-card">
<div class="row owner"><img src="/favicon.svg" alt="" width="26" height="26"><b>$owner</b></div>
<h1>$title</h1>
$body
</div>
</main>
</body>
</html>
""")


def asking(title: str, message: str, button: str, owner: str, expires: str) -> Response:
    """The page of an open address: what it is about, and the button that counts."""
    words = "".join(f"<p>{escape(part)}</p>" for part in message.splitlines() if part.strip())
    until = f'<p class="hint">Open until {escape(expires)}</p>' if expires else ""
    form = (
        f'<form method="post"><button class="btn primary large block" type="submit">{escape(button)}</button></form>'
        f'{until}<p class="hint">It counts once you press the button.</p>'
    )
    return _response(200, title, owner, words + form)


def saying(status: int, title: str, message: str) -> Response:
    """A page that only says something: thanks, or why there is nothing to do here."""
    role = ' role="status"' if status == 200 else ' role="alert"'
    return _response(status, title, "Weft", f'<p class="muted"{role}>{escape(message)}</p>')


def _response(status: int, title: str, owner: str, body: str) -> Response:
    html = _PAGE.substitute(dark=_DARK, title=escape(title), owner=escape(owner), body=body)
    return Response(html, status, _HEADERS, "text/html; charset=utf-8")


PRIVATE: Final = {name: _HEADERS[name] for name in ("Referrer-Policy", "Cache-Control", "X-Robots-Tag")}

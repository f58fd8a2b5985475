"""The reference of REST v1: docs/reference/rest.md, written from the OpenAPI description alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_MADE = "<!-- Made by ./weft docs from the OpenAPI description. Change the routes, not this page. -->\n"
_HEAD = """# REST v1

Your installation serves the full description at `/api/v1/openapi.json` (OpenAPI 3.1) and a page to try it
at `/api/docs`.
{about}
```sh
curl -X POST 'http://localhost:8400/api/v1/workflows/<id>/runs?wait=30' \\
  -H 'authorization: Bearer <key>' -H 'content-type: application/json' \\
  -H 'idempotency-key: order-4411' -d '{{"inputs": {{}}}}'
```

- **Starting a run** answers 202 with its id, or with `wait` (seconds) the result as soon as it is there. The same
  `Idempotency-Key` gives the same run, however often it is sent.
- **Following a run**: server-sent events that go on after `Last-Event-ID`.
- **Lists** have a `cursor`: send the `next` of one answer to get the next page.
- **Webhooks** are called at `/hooks/<workspace>/<path>`, with the method that the Webhook node names.
- What does not exist and what belongs to somebody else both answer 404.
"""
_METHODS = ("get", "post", "put", "patch", "delete")


def page(description: Mapping[str, Any]) -> str:
    """The page for this OpenAPI description."""
    groups: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method in _METHODS:
            if operation := methods.get(method):
                tag = operation.get("tags", ["Other"])[0]
                groups.setdefault(tag, []).append(_row(method, path, operation))
    parts = [_MADE, _HEAD.format(about=description["info"]["description"])]
    for tag, rows in groups.items():
        parts.append(f"## {tag}\n\n| call | what it does | parameters |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(method: str, path: str, operation: Mapping[str, Any]) -> str:
    said = " ".join(operation.get("description", "").split("\n\n")[0].split())
    return f"| `{method.upper()} {path}` | {said} | {', '.join(_parameters(operation))} |"


def _parameters(operation: Mapping[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] != "path":
            yield f"`{parameter['name']}`" + (" (header)" if parameter["in"] == "header" else "")

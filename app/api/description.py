"""The OpenAPI 3.1 description, and its page without anything from elsewhere."""

from pathlib import Path
from typing import Any, Final

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from app.api.problems import MEDIA_TYPE, Problem

OPENAPI_PATH: Final = "/api/v1/openapi.json"
DOCS_PATH: Final = "/api/docs"
_ASSETS: Final = "/api/docs/assets"
_PUBLIC: Final = ("/api/v1/owner", "/api/v1/session", "/api/v1/tokens", "/api/v1/forms/")
_REFUSALS: Final = {
    "400": "The request cannot be read",
    "401": "Nobody is signed in, or the proof is not valid",
    "403": "The role does not allow this",
    "404": "There is no such thing, or it is somebody else's",
    "409": "It contradicts what is there",
    "413": "The body is too large",
    "422": "The request is not as described",
    "429": "Too many requests; Retry-After says when to try again",
}
_ABOUT: Final = """
Everything that the pages do, for programs. Sign in with an API key (made in Settings) or with a token of
`POST /api/v1/tokens`, sent as `Authorization: Bearer …`. Errors are problem details (RFC 9457). The `RateLimit` header
says how many requests are left. Documents of workflows go in and out as JSON or YAML.
"""


def install(api: FastAPI) -> None:
    """Add the description and its page."""
    static = Path(fastapi_offline.__file__).parent / "static"
    api.mount(_ASSETS, StaticFiles(directory=static), name="docs-assets")

    @api.get(DOCS_PATH, include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=OPENAPI_PATH,
            title=f"{api.title} API",
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url="/favicon.svg",
        )

    def described() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _describe(api)
        return api.openapi_schema

    api.openapi = described  # type: ignore[method-assign]


def _describe(api: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title="Weft", version="1", description=_ABOUT, routes=api.routes)
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    refusal = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for path, item in schema["paths"].items():
        for operation in item.values():
            if path.startswith(_PUBLIC):
                operation["security"] = []
            if path.startswith(("/api/", "/metrics", "/c/")):
                for status, text in _REFUSALS.items():
                    operation["responses"][status] = {"description": text, **refusal}
    return schema

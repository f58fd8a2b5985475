"""The REST application, mounted beside the pages through ``rx.App(api_transformer=[api])``."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.routing import compile_path

from app.api import (
    approvals,
    calls,
    description,
    events,
    files,
    flow_control,
    forms,
    health,
    keys,
    problems,
    reruns,
    runs,
    sessions,
    storage,
    stored_values,
    workflows,
)
from app.api.auth import DESCRIBED, counted
from app.api.edge import Edge
from app.api.problems import problem
from app.api.webhooks import webhooks
from app.services import limits, live_runs
from engine import heap, lane, launch, traces
from engine.presence import telling
from engine.settings import settings

_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_LARGEST_BODY: Final = 8 * 1024 * 1024
_CLOSED: Final = [Depends(counted), *DESCRIBED]


def _build() -> FastAPI:
    api = FastAPI(title="Weft", openapi_url=description.OPENAPI_PATH, docs_url=None, redoc_url=None)
    api.add_middleware(Edge)
    problems.install(api)
    api.mount("/hooks", webhooks, name="webhooks")
    api.include_router(health.router)
    api.include_router(calls.router)
    description.install(api)
    api.include_router(_version_1())
    for path in ("/api", "/api/{rest:path}", "/hooks"):
        api.add_api_route(path, _nothing_here, methods=_METHODS, include_in_schema=False)
    return api


def _version_1() -> APIRouter:
    v1 = APIRouter(prefix="/api/v1", max_body_size=_LARGEST_BODY)
    v1.include_router(sessions.router)
    v1.include_router(forms.router)
    for module in (
        sessions.me,
        keys.router,
        workflows.router,
        stored_values.router,
        flow_control.router,
        storage.router,
        runs.router,
        reruns.router,
        approvals.router,
        events.router,
        files.router,
    ):
        v1.include_router(module, dependencies=_CLOSED)
    return v1


async def _nothing_here(request: Request) -> Response:
    """Without this the pages' own 404, which is HTML, would answer unknown addresses of REST."""
    path = request.url.path
    allowed = {method for pattern, methods in _described_paths() if pattern.match(path) for method in methods}
    if allowed:
        detail = f"This address does not take {request.method}. The Allow header names what it takes."
        return problem(405, detail, instance=path, headers={"Allow": ", ".join(sorted(allowed))})
    return problem(404, "There is nothing at this address.", instance=path)


@cache
def _described_paths() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    paths = api.openapi()["paths"]
    return tuple((compile_path(path)[0], tuple(method.upper() for method in item)) for path, item in paths.items())


@asynccontextmanager
async def running() -> AsyncIterator[None]:
    """The lifespan of a server process, for ``rx.App.register_lifespan_task``: ends what routes have started."""
    heap.settle()
    try:
        async with telling("web", settings().redis_url):
            yield
    finally:
        await live_runs.close()
        await limits.close()
        await lane.close()
        launch.dispose()
        traces.close()


api = _build()

"""Whether this process lives (/healthz), whether it can serve (/readyz), and the installation's figures (/metrics)."""

import asyncio
import secrets

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from app.api.auth import DESCRIBED, signed_in
from app.api.problems import problem
from app.services import health, metrics
from engine.settings import settings

router = APIRouter(tags=["Health"])


class Ready(BaseModel):
    """The parts that this server needs, each with ``ok`` or what is wrong."""

    database: str
    redis: str
    payloads: str


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Ready)
async def readyz() -> Response | Ready:
    """The database answers too; the body says the same of Redis and the payload store.

    Without these pages still open, and runs are kept until they are back.
    """
    database, redis, payloads = await asyncio.gather(health.database(), health.redis(), health.payloads())
    if database == "ok":
        return Ready(database=database, redis=redis, payloads=payloads)
    return problem(503, f"The database does not answer: {database}.")


@router.get("/metrics", dependencies=DESCRIBED, response_class=PlainTextResponse)
async def prometheus(request: Request) -> Response:
    """Figures of all processes for Prometheus: to the token of `WEFT_METRICS_TOKEN`, or to an owner."""
    if not _is_scraper(request):
        (await signed_in(request)).need("owner")
    return Response(await asyncio.to_thread(metrics.exposition), media_type=metrics.CONTENT_TYPE)


def _is_scraper(request: Request) -> bool:
    token = settings().metrics_token
    given = request.headers.get("authorization", "")
    return token is not None and secrets.compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode())

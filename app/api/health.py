"""Whether this process lives (/healthz) and can serve (/readyz)."""

import asyncio

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.api.problems import problem
from app.services import health

router = APIRouter(tags=["Health"])


class Ready(BaseModel):
    """The parts that this server needs, each with ``ok`` or what is wrong."""

    database: str
    redis: str


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Ready)
async def readyz() -> Response | Ready:
    """Database and Redis answer too. Without Redis pages still open and runs are kept until it is back."""
    database, redis = await asyncio.gather(health.database(), health.redis())
    if database == "ok":
        return Ready(database=database, redis=redis)
    return problem(503, f"The database does not answer: {database}.")

"""The process that runs segments: what the queue's job does, and what it stands on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio
import structlog
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select
from sqlmodel import col

from engine.catalog import catalog
from engine.contract import PermanentError
from engine.delivery.governor import Governor
from engine.delivery.outbox import NUDGES
from engine.delivery.queue import parse_job_id
from engine.graph import Node
from engine.launch import Launcher
from engine.models import WorkflowVersion
from engine.presence import alive
from engine.run.days import Days
from engine.run.executor import Executor
from engine.run.failures import to_record
from engine.run.plans import Plans
from engine.run.pool import Pool
from engine.run.scopes import Tools
from engine.run.toolbox import Toolbox
from engine.settings import Settings
from engine.store.changes import Changes
from engine.store.checkpoint import Checkpoints
from engine.store.claim import Claim, Fenced
from engine.store.db import Database, DatabaseUnavailable, database
from engine.store.files import RunFiles
from engine.store.lease import Leases
from engine.store.places import StoreUnavailable
from engine.store.runvalues import RunValues
from engine.store.storage import storage
from engine.store.vault import Accounts
from engine.store.writer import Writer
from engine.sweep import sweep_for_ever

EXIT_WITHOUT_WRITER = 70
RETRY_SECONDS = 1.0
WARM_AFTER_SECONDS = 5.0
CLAIMS_WITHOUT_PROGRESS = 20

log = structlog.get_logger()


class Segments:
    """Runs the segments that jobs name, on this process's event loop."""

    def __init__(self, leases: Leases, checkpoints: Checkpoints, executor: Executor) -> None:
        self._leases, self._checkpoints, self._executor = leases, checkpoints, executor

    async def execute(self, job_id: str) -> None:
        """Advances one segment until it is over or parked. A refused claim ends it: redelivery is the sweep's."""
        claim = await self._leases.claim(parse_job_id(job_id))
        if claim is None:
            return
        try:
            if await self._is_stuck(claim):
                await self._give_up(claim)
            elif not await self._executor.execute(claim):
                await self._leases.give_back(claim)
        except Fenced:
            log.warning("segment.lost", run_id=claim.run_id, epoch=claim.epoch)
        except (DatabaseUnavailable, StoreUnavailable) as error:
            log.error("segment.not_recorded", run_id=claim.run_id, error=str(error))
        except asyncio.CancelledError:
            await self._leases.give_back(claim)
            raise
        finally:
            self._leases.drop(claim)

    async def _is_stuck(self, claim: Claim) -> bool:
        """Whether worker after worker took this segment and recorded nothing: it may be what killed them."""
        if claim.epoch <= CLAIMS_WITHOUT_PROGRESS:
            return False
        newest = await self._checkpoints.newest_epoch(claim.run_id)
        return claim.epoch - newest > CLAIMS_WITHOUT_PROGRESS

    async def _give_up(self, claim: Claim) -> None:
        error = PermanentError(
            f"{CLAIMS_WITHOUT_PROGRESS} workers in a row ended while they ran this workflow, and none got any further.",
            hint="Look into the workers' logs. A step may take more memory than the machine has: give it less at once.",
        )
        log.error("segment.given_up", run_id=claim.run_id, epoch=claim.epoch)
        record = to_record(error, Node(id="workflow", type=""), "")
        await self._checkpoints.save(claim, Changes(end="failed", error=record, end_shards=True))

    @property
    def held(self) -> int:
        """How many segments are under way."""
        return len(self._leases.held)

    def drain(self) -> None:
        """Asks every segment under way to come to a stop, so that it can be given to another worker."""
        for claim in self._leases.held:
            claim.end("drain")


@dataclass(frozen=True, slots=True)
class Parts:
    """What walks runs, and what it stands on."""

    executor: Executor
    plans: Plans
    checkpoints: Checkpoints
    toolbox: Toolbox


def parts(writer: Writer, settings: Settings, pool: Pool) -> Parts:
    """An executor on this process's database and writer. Its toolbox must be closed."""
    data = database()
    secret = HKDF(SHA256(), 32, salt=None, info=b"weft chance 1").derive(settings.secret_key)
    toolbox = Toolbox(
        RunFiles,
        lambda workspace_id: Accounts(data, workspace_id),
        settings.allow_private_network,
        lambda at, effect: RunValues(data, at.workspace_id, at.workflow_id, at.run_id, effect),
        secret=secret,
        governor=Governor(settings.redis_url, lease=settings.lease_seconds),
    )
    checkpoints = Checkpoints(data, writer)
    plans = Plans(catalog(), _documents(data))
    tools = Tools(pool, toolbox, settings.public_url, _workers(settings), Days(data))
    executor = Executor(plans, checkpoints, storage(), tools)
    return Parts(executor, plans, checkpoints, toolbox)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Segments]:
    """Everything that segments stand on, for as long as the block runs.

    If the writer dies the process ends at once: nothing it does could be recorded any more.
    """
    data = database()
    launcher = Launcher(data, settings.redis_url, died=lambda _error: os._exit(EXIT_WITHOUT_WRITER))
    await launcher.start_with_database()
    leases = Leases(launcher.writer, settings.lease_seconds)
    leases.start()
    pool = Pool()
    made = parts(launcher.writer, settings, pool)
    beside = (sweep_for_ever(launcher), _heed_nudges(settings, leases), _warm(pool))
    tasks = [asyncio.create_task(each) for each in beside]
    try:
        yield Segments(leases, made.checkpoints, made.executor)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await leases.stop()
        await made.toolbox.aclose()
        await asyncio.to_thread(launcher.close)


def _workers(settings: Settings) -> Callable[[], Awaitable[int]]:
    """How many workers are alive; while Redis does not tell, this one alone."""

    def count() -> int:
        try:
            with redis.Redis.from_url(settings.redis_url, socket_timeout=2) as client:
                return max(1, sum(process.part == "worker" for process in alive(client)))
        except (redis.RedisError, OSError) as error:
            log.debug("worker.no_presence", error=str(error))
            return 1

    async def asked() -> int:
        return await asyncio.to_thread(count)

    return asked


async def _warm(pool: Pool) -> None:
    """Prepares the process pool once the start is over, when nobody waits for a first page any more."""
    await asyncio.sleep(WARM_AFTER_SECONDS)
    await pool.warm()


def _documents(data: Database) -> Callable[[str], Awaitable[Mapping[str, Any]]]:
    def read(version_id: str) -> Mapping[str, Any]:
        with data.transaction(write=False) as session:
            found: Mapping[str, Any] | None = session.scalar(
                select(col(WorkflowVersion.document)).where(col(WorkflowVersion.id) == version_id)
            )
        if found is None:
            raise KeyError(f"There is no version {version_id}")
        return found

    async def document(version_id: str) -> Mapping[str, Any]:
        return await asyncio.to_thread(read, version_id)

    return document


async def _heed_nudges(settings: Settings, leases: Leases) -> None:
    """Hears at once of a wish to cancel; without Redis it is heard of at the next checkpoint or renewal."""
    client = redis.asyncio.Redis.from_url(settings.redis_url)
    while True:
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(NUDGES)
                async for message in channel.listen():
                    await leases.look(message["data"].decode())
        except (redis.RedisError, OSError) as error:
            log.debug("worker.no_nudges", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
        finally:
            await client.aclose()

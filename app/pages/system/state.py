"""What the System page shows, read anew every few seconds while it is open."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.live import Watching
from app.services import health, shown, unit
from app.services import system as service
from app.services.alarms import list_alarms
from app.services.errors import Forbidden
from app.session import guarded
from engine.events import Event
from engine.presence import Process

PARTS = {"web": "Web", "worker": "Worker", "scheduler": "Scheduler"}


class Installation(Watching):
    """The installation's processes, and what of this workspace is under way, waits or is due."""

    ready: bool = False
    refused: str = ""
    redis_away: bool = False
    payloads_away: str = ""
    missing: str = ""
    alarms: list[dict[str, Any]] = []
    processes: list[dict[str, Any]] = []
    tiles: list[dict[str, Any]] = []
    leases: list[dict[str, Any]] = []
    schedules: list[dict[str, Any]] = []

    @rx.event
    @guarded
    async def load(self) -> None:
        """Look, and go on looking while the page is open."""
        actor = await self._actor()
        try:
            await self._read()
        except Forbidden as refusal:
            self.refused, self.ready = refusal.message, True
            return
        self._watch_workspace(actor.workspace_id)

    async def _heard(self, events: Sequence[Event]) -> None:
        await self._read()

    async def _read(self) -> None:
        view = await unit.ask(service.look, await self._actor())
        payloads = await health.payloads()
        found = view.processes or ()
        parts = {process.part for process in found}
        absent = [name for part, name in PARTS.items() if part not in parts]
        self._put(
            ready=True,
            refused="",
            redis_away=view.processes is None,
            alarms=[shown.alarm(one) for one in await unit.ask(list_alarms, await self._actor())],
            payloads_away="" if payloads == "ok" else payloads,
            missing="" if view.processes is None else _said(absent),
            processes=[_process(one) for one in found],
            tiles=_tiles(view),
            leases=[_lease(one) for one in view.leases],
            schedules=[_schedule(one) for one in view.schedules],
        )


def _said(absent: Sequence[str]) -> str:
    return f"Not running: {', '.join(absent)}." if absent else ""


def _process(one: Process) -> dict[str, Any]:
    return {
        "id": one.id,
        "part": PARTS[one.part],
        "where": f"{one.host}, process {one.pid}",
        "version": one.version,
        "since": round(one.since * 1000),
        "memory": shown.size(one.memory),
        "load": f"{one.held:,} of {one.slots:,}" if one.slots else "",
    }


def _tiles(view: service.View) -> list[dict[str, Any]]:
    counts = view.counts
    waited = f"the first for {counts.queued_age:,.0f} s" if counts.segments_queued else "nothing waits"
    lost = f"{counts.leases_expired:,} without a worker" if counts.leases_expired else "nothing runs"
    if counts.segments_running > counts.leases_expired == 0:
        lost = "each with a worker"
    overdue = counts.schedules_overdue + counts.schedules_alarmed
    return [
        _tile("Queued", counts.segments_queued, waited, bad=False),
        _tile("Running", counts.segments_running, lost, bad=bool(counts.leases_expired)),
        _tile("Waiting", counts.runs.get("waiting", 0), "for a time, a call or a person", bad=False),
        _tile("Paused", counts.runs.get("paused", 0), "until somebody resumes them", bad=False),
        _tile(
            "Schedules",
            counts.schedules,
            f"{overdue:,} {'needs' if overdue == 1 else 'need'} a look" if overdue else "all in time",
            bad=bool(overdue),
        ),
    ]


def _tile(title: str, number: int, said: str, *, bad: bool) -> dict[str, Any]:
    return {"title": title, "number": f"{number:,}", "said": said, "bad": bad}


def _lease(one: service.Lease) -> dict[str, Any]:
    return {
        "key": f"{one.run_id}-{one.epoch}",
        "href": f"/runs/{one.run_id}",
        "workflow": one.workflow,
        "status": one.status,
        "epoch": one.epoch,
        "queued_at": one.queued_at or 0,
        "lease_until": one.lease_until or 0,
    }


def _schedule(one: service.Scheduled) -> dict[str, Any]:
    return {
        "href": f"/w/{one.workflow_id}",
        "workflow": one.workflow,
        "next_due": one.next_due or 0,
        "last_fired": one.last_fired or 0,
        "alarm": one.alarm
        or ("Its time has passed and nothing fired it: is a scheduler running?" if one.overdue else ""),
    }

"""The figures of the whole installation in Prometheus' text format: every live process, and what the rows say."""

from collections.abc import Iterable, Iterator

import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from engine.presence import Process, expositions
from engine.settings import settings
from engine.store.db import database
from engine.store.overview import Overview, overview

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition() -> bytes:
    """All figures. Asks database and Redis, so call it in a thread; without Redis only the rows speak.

    Raises DatabaseUnavailable.
    """
    registry = CollectorRegistry()
    registry.register(_Rows(_overview()))
    registry.register(_Processes(_told()))
    return generate_latest(registry)


def _overview() -> Overview:
    with database().reader() as driver:
        return overview(driver)


def _told() -> list[tuple[Process, str]]:
    client = redis.Redis.from_url(settings().redis_url, socket_timeout=2)
    try:
        return expositions(client)
    except redis.RedisError:
        return []
    finally:
        client.close()


class _Rows(Collector):
    """What is under way and what waits."""

    def __init__(self, found: Overview) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        found = self._found
        runs = GaugeMetricFamily("weft_runs", "Runs that are not over, by state", labels=["status"])
        for status in ("queued", "running", "waiting", "paused"):
            runs.add_metric([status], found.runs.get(status, 0))
        yield runs
        for name, said, value in (
            ("weft_queue_depth", "Segments of runs that wait for a worker", found.segments_queued),
            ("weft_queue_age_seconds", "How long the first of them has waited", found.queued_age),
            ("weft_leases", "Segments that some worker holds", found.segments_running),
            ("weft_leases_expired", "Segments whose worker is gone and that nobody took yet", found.leases_expired),
            ("weft_schedules", "Schedules that are on", found.schedules),
            ("weft_schedules_overdue", "Schedules whose time passed more than a minute ago", found.schedules_overdue),
            ("weft_schedules_alarmed", "Schedules that cannot fire, and say why", found.schedules_alarmed),
        ):
            yield GaugeMetricFamily(name, said, value)


class _Processes(Collector):
    """What each process counted, under its own labels."""

    def __init__(self, told: list[tuple[Process, str]]) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("weft_process_up", "Processes that are alive", labels=["part", "process", "version"])
        memory = GaugeMetricFamily("weft_process_memory_bytes", "Memory in RAM", labels=["part", "process"])
        merged: dict[str, Metric] = {}
        for process, text in self._told:
            up.add_metric([process.part, process.id, process.version], 1)
            memory.add_metric([process.part, process.id], process.memory)
            own = {"part": process.part, "process": process.id}
            for family in text_string_to_metric_families(text):
                held = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                held.samples += [one._replace(labels={**one.labels, **own}) for one in family.samples]
        yield up
        yield memory
        yield from merged.values()

"""OpenTelemetry traces: one trace per run, one span per step, sent where `OTEL_EXPORTER_OTLP_ENDPOINT` says.

A run's id is its trace's id, so every worker that advances a run adds to one trace, and a person who has the one can
look up the other. A step inside a container is a child of the container's span; a run that another run called belongs
to the first one's trace, under the step that called it. Without an endpoint nothing is imported
and nothing is measured. The ids follow W3C Trace Context: 16 bytes for the trace, 8 for a span, none of them zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

NANOSECONDS_PER_MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Which span: a step by its scope and node, or with neither the run itself.

    Of a run that was called, `root` is the first of the runs around it, and `caller` the run, scope and node that
    called it.
    """

    run_id: str
    scope: str = ""
    node_id: str = ""
    root: str = ""
    caller: tuple[str, str, str] | None = None

    @property
    def trace_id(self) -> int:
        return int(self.root or self.run_id, 16)

    @property
    def span_id(self) -> int:
        name = f"{self.run_id}/{self.scope}/{self.node_id}".encode()
        return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest()) or 1

    @property
    def parent(self) -> Place | None:
        """The container that a step stands in, or its run; of a run the step that called it."""
        if not self.node_id:
            return Place(*self.caller, root=self.root) if self.caller else None
        outer, _, body = self.scope.rpartition("/")
        return Place(self.run_id, outer, body.rpartition(".")[0], self.root)


class Traces:
    """Sends spans in the background; `close` sends what is left."""

    def __init__(self, service: str, endpoint: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.id_generator import IdGenerator  # noqa: PLC0415

        class Given(IdGenerator):
            """The ids of the place that is being told of."""

            place = Place("1")

            def generate_span_id(self) -> int:
                return self.place.span_id

            def generate_trace_id(self) -> int:
                return self.place.trace_id

        self._ids = Given()
        about = {"service.name": "weft", "service.version": __version__, "service.instance.part": service}
        self._provider = TracerProvider(id_generator=self._ids, resource=Resource.create(about))
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer: Tracer = self._provider.get_tracer("weft", __version__)

    def tell(self, place: Place, name: str, started_ms: int, ended_ms: int, status: str, **about: Any) -> None:
        """Send one span. `about` becomes its attributes, under `weft.`; it holds no values that flowed."""
        from opentelemetry import trace  # noqa: PLC0415

        parent = place.parent
        context = None
        if parent is not None:
            seen = trace.SpanContext(
                parent.trace_id, parent.span_id, is_remote=True, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED)
            )
            context = trace.set_span_in_context(trace.NonRecordingSpan(seen))
        self._ids.place = place
        attributes = {f"weft.{key}": value for key, value in about.items() if value not in (None, "")}
        span = self._tracer.start_span(
            name,
            context=context,
            start_time=started_ms * NANOSECONDS_PER_MILLISECOND,
            attributes={"weft.run_id": place.run_id, "weft.status": status, **attributes},
        )
        if status == "failed":
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended_ms * NANOSECONDS_PER_MILLISECOND)

    def close(self) -> None:
        """Send what is left. Blocks for some seconds at most if nobody takes it."""
        self._provider.shutdown()


_traces: Traces | None = None


def configure(service: str, endpoint: str) -> None:
    """Begin to trace in this process, if there is an endpoint."""
    global _traces  # noqa: PLW0603 - one per process, as with logs
    _traces = Traces(service, endpoint) if endpoint else None


def close() -> None:
    """End tracing in this process."""
    global _traces  # noqa: PLW0603
    if _traces is not None:
        _traces.close()
    _traces = None


def step(  # noqa: PLR0917  a place is made only where somebody is told
    run_id: str,
    scope: str,
    node_id: str,
    node_type: str,
    started_ms: int,
    ended_ms: int,
    status: str,
    root: str = "",
    **about: Any,
) -> None:
    """Tell of a step that is over. Times are milliseconds since 1970 UTC; `root` as of `Place`."""
    if _traces is not None:
        named = {"scope": scope, "node_id": node_id, "node_type": node_type}
        _traces.tell(Place(run_id, scope, node_id, root), node_id, started_ms, ended_ms, status, **named, **about)


def run(  # noqa: PLR0917  the same
    run_id: str, workflow_id: str, started_ms: int, ended_ms: int, status: str, options: Mapping[str, Any]
) -> None:
    """Tell of a run that is over; its `options` name the runs around it (`root`, `caller`)."""
    if _traces is not None:
        caller = tuple(options["caller"]) if "caller" in options else None
        place = Place(run_id, root=options.get("root", ""), caller=caller)
        _traces.tell(place, "run", started_ms, ended_ms, status, workflow_id=workflow_id)

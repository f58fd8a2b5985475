"""Traces of runs, received over HTTP as a collector would."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from engine import traces
from engine.models import new_id
from engine.traces import Place


class Collector:
    """Keeps what is sent to it."""

    def __init__(self) -> None:
        spans: list[Span] = []

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
                spans.extend(span for one in sent.resource_spans for held in one.scope_spans for span in held.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.spans = spans
        self.server = HTTPServer(("127.0.0.1", 0), Take)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    traces.close()
    made.server.shutdown()
    made.server.server_close()


def test_a_run_is_one_trace_and_what_a_container_holds_is_under_it(collector: Collector) -> None:
    run_id = new_id()
    traces.configure("worker", collector.url)
    traces.step(run_id, "loop.3", "send", "http.request", 1_000, 1_500, "failed", attempt=2)
    traces.step(run_id, "", "loop", "flow.for_each", 900, 2_000, "done")
    traces.run(run_id, "w1", 800, 2_100, "done")
    traces.close()
    send, loop, run = collector.spans
    assert {span.trace_id.hex() for span in collector.spans} == {run_id}
    assert [span.name for span in collector.spans] == ["send", "loop", "run"]
    assert (send.parent_span_id, loop.parent_span_id, run.parent_span_id) == (loop.span_id, run.span_id, b"")
    assert send.end_time_unix_nano - send.start_time_unix_nano == 500_000_000
    assert (send.status.code, loop.status.code) == (Status.STATUS_CODE_ERROR, Status.STATUS_CODE_UNSET)
    told = {one.key: one.value for one in send.attributes}
    assert told["weft.node_type"].string_value == "http.request"
    assert told["weft.attempt"].int_value == 2


def test_two_workers_name_a_step_alike() -> None:
    run_id = new_id()
    assert Place(run_id, "a.0/b.1", "c").span_id == Place(run_id, "a.0/b.1", "c").span_id
    assert Place(run_id, "a.0/b.1", "c").parent == Place(run_id, "a.0", "b")
    assert Place(run_id, "", "a").parent == Place(run_id)
    assert Place(run_id).parent is None


def test_without_an_endpoint_nothing_is_told() -> None:
    traces.configure("worker", "")
    traces.run(new_id(), "w1", 1, 2, "done")
    assert traces._traces is None

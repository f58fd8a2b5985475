"""Traces of runs, received over HTTP as a collector would."""

from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from engine import traces
from engine.models import new_id
from engine.traces import Place
from tests.collector import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    traces.close()
    made.stop()


def test_a_run_is_one_trace_and_what_a_container_holds_is_under_it(collector: Collector) -> None:
    run_id = new_id()
    traces.configure("worker", collector.url)
    traces.step(run_id, "loop.3", "send", "http.request", 1_000, 1_500, "failed", attempt=2)
    traces.step(run_id, "", "loop", "flow.for_each", 900, 2_000, "done")
    traces.run(run_id, "w1", 800, 2_100, "done", {})
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


def test_a_run_that_was_called_stands_under_the_step_that_called_it(collector: Collector) -> None:
    first, called, deeper = new_id(), new_id(), new_id()
    traces.configure("worker", collector.url)
    traces.step(deeper, "", "send", "http.request", 1_300, 1_400, "done", root=first)
    traces.run(deeper, "w3", 1_250, 1_450, "done", {"root": first, "caller": [called, "", "sub"]})
    traces.step(called, "", "sub", "flow.call", 1_200, 1_500, "done", root=first)
    traces.run(called, "w2", 1_100, 1_600, "done", {"root": first, "caller": [first, "loop.3", "sub"]})
    traces.step(first, "loop.3", "sub", "flow.call", 1_000, 2_000, "done")
    traces.close()
    send, run3, sub2, run2, sub1 = collector.spans
    assert {span.trace_id.hex() for span in collector.spans} == {first}
    parents = [span.parent_span_id for span in (send, run3, sub2, run2)]
    assert parents == [run3.span_id, sub2.span_id, run2.span_id, sub1.span_id]


def test_two_workers_name_a_step_alike() -> None:
    run_id = new_id()
    assert Place(run_id, "a.0/b.1", "c").span_id == Place(run_id, "a.0/b.1", "c").span_id
    assert Place(run_id, "a.0/b.1", "c").parent == Place(run_id, "a.0", "b")
    assert Place(run_id, "", "a").parent == Place(run_id)
    assert Place(run_id).parent is None


def test_without_an_endpoint_nothing_is_told() -> None:
    traces.configure("worker", "")
    traces.run(new_id(), "w1", 1, 2, "done", {})
    assert traces._traces is None

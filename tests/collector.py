"""Takes traces over HTTP as an OpenTelemetry collector would."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Keeps what is sent to it: the spans, and every byte."""

    def __init__(self) -> None:
        spans: list[Span] = []
        received = bytearray()

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.extend(body)
                sent = ExportTraceServiceRequest.FromString(body)
                spans.extend(span for one in sent.resource_spans for held in one.scope_spans for span in held.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.spans, self.received = spans, received
        self.server = HTTPServer(("127.0.0.1", 0), Take)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Take nothing more."""
        self.server.shutdown()
        self.server.server_close()

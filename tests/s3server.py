"""An S3 server on loopback: moto's, with what a real one does besides and a test needs to be able to do.

    python -m tests.s3server PORT

An address that was signed for some minutes is refused afterwards, as S3 does and moto does not. Below `/-/` a test
makes all objects of a bucket older, lets requests to a bucket fail, and reads which ones came.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, run_simple

Environment = dict[str, Any]
Start = Callable[..., Any]

failing: dict[str, tuple[int, str]] = {}
came: dict[str, list[list[str]]] = defaultdict(list)


def control(what: str, asked: dict[str, str]) -> Any:
    """What a test asks of the server itself."""
    bucket = asked.get("bucket", "")
    if what == "age":
        keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys
        for name in [*keys]:
            keys[name].last_modified -= timedelta(seconds=float(asked["seconds"]))
    elif what == "fail":
        failing[bucket] = (int(asked["status"]), asked["code"])
    elif what == "heal":
        failing.pop(bucket, None)
    elif what == "requests":
        return came.pop(bucket, [])
    return None


def expired(query: str) -> bool:
    """Whether this is a signed address whose time is over."""
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    if "X-Amz-Expires" not in asked:
        return False
    signed = datetime.strptime(asked["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return datetime.now(UTC) > signed + timedelta(seconds=int(asked["X-Amz-Expires"]))


def around(app: Callable[[Environment, Start], Iterable[bytes]]) -> Callable[[Environment, Start], Iterable[bytes]]:
    """The application with what moto lacks."""

    def answer(environ: Environment, start: Start) -> Iterable[bytes]:
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        if path.startswith("/-/"):
            found = control(path[3:], {name: values[0] for name, values in parse_qs(query).items()})
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(found).encode()]
        bucket = path.split("/")[1]
        came[bucket].append([environ["REQUEST_METHOD"], path, environ.get("HTTP_RANGE", "")])
        refusal = (403, "AccessDenied") if expired(query) else failing.get(bucket)
        if refusal is None:
            return app(environ, start)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start(f"{refusal[0]} Refused", [("Content-Type", "application/xml")])
        return [f"<Error><Code>{refusal[1]}</Code><Message>As the test wants it.</Message></Error>".encode()]

    return answer


class Quiet(WSGIRequestHandler):
    """Connections stay open between requests, and nobody reads a line for each."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: object = "-", size: object = "-") -> None: ...


if __name__ == "__main__":
    run_simple(
        "127.0.0.1",
        int(sys.argv[1]),
        around(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=Quiet,
    )

import io
import json
import logging
from collections.abc import Iterator
from threading import Thread

import pytest
import structlog

from engine import telemetry
from engine.settings import Settings


@pytest.fixture
def json_logs() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    telemetry.configure("tests", Settings(log_format="json"), stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    telemetry.clear_contextvars()


def lines(captured: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.getvalue().splitlines()]


def test_a_line_carries_run_step_and_service(json_logs: io.StringIO) -> None:
    with telemetry.tagged(run_id="r1"):
        with telemetry.InStep("s1"):
            telemetry.get_logger("engine.test").info("Step done", items=3)
        telemetry.get_logger("engine.test").info("Run goes on")
    telemetry.get_logger("engine.test").info("Nothing runs")
    line, between, after = lines(json_logs)
    assert (between["run_id"], "step_id" in between, "run_id" in after) == ("r1", False, False)
    assert line["event"] == "Step done"
    assert (line["service"], line["run_id"], line["step_id"], line["items"]) == ("tests", "r1", "s1", 3)
    assert (line["level"], line["logger"]) == ("info", "engine.test")


def test_a_line_of_another_thread_names_the_service(json_logs: io.StringIO) -> None:
    thread = Thread(target=telemetry.get_logger("engine.test").info, args=["From a thread"])
    thread.start()
    thread.join()
    assert [line["service"] for line in lines(json_logs)] == ["tests"]


def test_a_librarys_line_has_the_same_form(json_logs: io.StringIO) -> None:
    logging.getLogger("some.library").warning("Slow answer from %s", "db")
    (line,) = lines(json_logs)
    assert (line["event"], line["level"], line["service"]) == ("Slow answer from db", "warning", "tests")


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "s3cr3t-value"},
        {"headers": {"Authorization": "s3cr3t-value"}},
        {"rows": [{"api_key": "s3cr3t-value"}]},
        {"url": "postgresql://weft:s3cr3t-value@db/weft"},
        {"said": "Authorization: Bearer s3cr3t-value"},
        {"url": "https://api.example.com/v1?page=2&token=s3cr3t-value"},
        {"said": "No answer from https://api.example.com/v1?api%5Fkey=s3cr3t-value&page=2."},
        {"url": "https://files.example.com/a?X-Amz-Signature=s3cr3t-value#top"},
        {"url": "https://app.example.com/back#access_token=s3cr3t-value"},
    ],
)
def test_secrets_never_reach_a_log(json_logs: io.StringIO, fields: dict[str, object]) -> None:
    telemetry.get_logger("engine.test").info("Called", **fields)
    err = json_logs.getvalue()
    assert "s3cr3t-value" not in err
    assert telemetry.HIDDEN in err


def test_a_secret_in_use_is_hidden_wherever_it_turns_up(json_logs: io.StringIO) -> None:
    with telemetry.InStep("s1"):
        telemetry.hide_from_here("tiger-lily")
        try:
            raise ValueError("the server said: tiger-lily is wrong")
        except ValueError:
            telemetry.get_logger("engine.test").exception("Failed with tiger-lily")
    assert "tiger-lily" not in json_logs.getvalue()
    telemetry.get_logger("engine.test").info("tiger-lily")
    assert "tiger-lily" in json_logs.getvalue()


def test_what_a_query_says_beside_secrets_stays(json_logs: io.StringIO) -> None:
    shown = telemetry.hide_secrets("https://api.example.com/v1?page=2&key=s3cr3t&monkey=2&encode=utf8&token=#top")
    assert shown == f"https://api.example.com/v1?page=2&key={telemetry.HIDDEN}&monkey=2&encode=utf8&token=#top"

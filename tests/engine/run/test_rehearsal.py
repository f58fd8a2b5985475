"""Dry runs: reads happen, writes are shown as what would be sent, and something stands for what they would give."""

from pathlib import Path
from typing import Any

import pytest

from engine.catalog import catalog
from engine.contract.http import HttpClient
from engine.run.example import from_schema
from engine.run.rehearsal import HARMLESS
from tests.engine.bench import Bench
from tests.engine.outside import Outside

DRY: dict[str, Any] = {"dry": True}


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside(tmp_path)


async def test_reads_happen_and_writes_do_not(bench: Bench, outside: Outside) -> None:
    nodes = {
        "fetch": outside.send("order", "read"),
        "mail": outside.send("{{ fetch }}"),
        "after": {"type": "data.template", "with": {"text": "sent {{ mail }}"}},
    }
    ran = await bench.run(nodes, options=DRY)
    assert ran.run.status == "done"
    assert outside.nodes(ran.run.id) == {"fetch": 1}
    stood = ran.steps["mail"]["stand_in"]
    assert stood["by"] == "example"
    assert stood["sends"]["fields"]["value"] == "order"
    assert not ran.history.attempts
    assert ran.steps["fetch"]["stand_in"] is None


async def test_the_request_is_shown_with_its_secrets_hidden(bench: Bench) -> None:
    nodes = {
        "post": {
            "type": "http.request",
            "with": {
                "method": "POST",
                "url": "https://api.example.test/orders?token=s3cret&page=2",
                "headers": {"X-Api-Key": "s3cret", "X-Shop": "7"},
                "body_kind": "json",
                "body": {"order": 7, "password": "s3cret"},
            },
        },
        "status": {"type": "data.template", "with": {"text": "{{ post.status }}"}},
    }
    ran = await bench.run(nodes, options=DRY)
    assert ran.run.error is None
    sends = ran.steps["post"]["stand_in"]["sends"]
    assert (sends["method"], sends["headers"]["x-shop"]) == ("POST", "7")
    assert sends["url"].endswith("page=2")
    assert sends["body"]["order"] == 7
    assert "s3cret" not in str(sends)
    assert ran.output("status") == "200"


def test_the_client_is_the_only_way_out_of_a_node_that_is_asked_for_its_request() -> None:
    asked = [one for one in catalog().all() if HttpClient in one.services.values()]
    assert asked
    assert all(HARMLESS.issuperset(one.services.values()) for one in asked), "decide of each new service"


async def test_each_item_shows_what_it_would_send(bench: Bench, outside: Outside) -> None:
    nodes = {
        "list": {"type": "data.parse_json", "with": {"text": "[1, 2, 3]"}},
        "mail": outside.send("{{ list }}"),
        "count": {"type": "lab.total", "with": {"values": "{{ mail }}"}},
    }
    ran = await bench.run(nodes, options=DRY)
    told = {item: row["stand_in"]["sends"]["fields"]["value"] for item, row in ran.items("mail").items()}
    assert told == {"0": 1, "1": 2, "2": 3}
    assert ran.output("count") == 3
    assert not outside.heard()


async def test_the_last_run_or_what_is_kept_stands_for_what_was_not_sent(bench: Bench, outside: Outside) -> None:
    nodes = {
        "list": {"type": "data.parse_json", "with": {"text": "[1, 2, 3]"}},
        "mail": outside.send("{{ list }}"),
        "after": {"type": "data.template", "with": {"text": "sent {{ mail }}"}},
    }
    real = await bench.run(nodes)
    last = {"by": "last_run", "outputs": real.steps["mail"]["output"]}
    ran = await bench.run(nodes, options={**DRY, "stand_ins": {"mail": last}})
    assert ran.output("after") == ["sent 1", "sent 2", "sent 3"]
    assert ran.steps["mail"]["stand_in"]["by"] == "last_run"
    kept = {"outputs": {"main": {"v": [7, 8, 9], "o": real.steps["mail"]["output"]["main"]["o"]}}, "of": "f"}
    ran = await bench.run(nodes, options={**DRY, "stand_ins": {"mail": last}, "pins": {"mail": kept}})
    assert ran.output("after") == ["sent 7", "sent 8", "sent 9"]
    assert ran.steps["mail"]["stand_in"]["by"] == "kept"
    shorter = {**nodes, "list": {"type": "data.parse_json", "with": {"text": "[1, 2]"}}}
    ran = await bench.run(shorter, options={**DRY, "stand_ins": {"mail": last}})
    assert ran.steps["mail"]["stand_in"]["by"] == "example"
    assert len(ran.output("after")) == 2


async def test_nothing_is_sent_from_inside_of_containers(bench: Bench, outside: Outside) -> None:
    nodes = {
        "list": {"type": "data.parse_json", "with": {"text": "[1, 2]"}},
        "loop": {"type": "flow.for_each", "with": {"items": "{{ list }}"}},
        "mail": {**outside.send("{{ item }}"), "in": "loop"},
    }
    ran = await bench.run(nodes, options=DRY)
    assert ran.run.error is None
    assert not outside.heard()
    sent = [row["stand_in"]["sends"]["fields"]["value"] for row in ran.history.steps if row["node_id"] == "mail"]
    assert sorted(sent) == [1, 2]


async def test_a_dry_run_waits_for_nothing_and_asks_nobody(bench: Bench) -> None:
    nodes = {
        "doze": {"type": "lab.doze", "with": {"value": 5, "seconds": 3600}},
        "ask": {"type": "flow.approval", "with": {"title": "Approve?", "evidence": "{{ doze }}"}},
        "call": {"type": "flow.wait_for_call", "with": {"about": "{{ doze }}"}},
        "after": {"type": "data.template", "with": {"text": "{{ call.opened.url }} {{ doze }}"}},
    }
    run_id = await bench.start(nodes, options=DRY)
    await bench.advance(run_id)
    ran = await bench.ran(run_id)
    assert (ran.run.status, ran.run.error) == ("done", None)
    assert not ran.history.waits
    assert ran.output("after").endswith(" 5")


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "integer", "examples": [7]}, 7),
        ({"enum": ["red", "blue"]}, "red"),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, 0),
        ({"type": "array", "items": {"$ref": "#/$defs/A"}, "$defs": {"A": {"const": 1}}}, [1]),
        ({"type": "object", "additionalProperties": True}, {}),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"next": {"$ref": "#/$defs/A"}}}}}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_an_example_is_of_the_declared_shape(schema: dict[str, Any], example: Any) -> None:
    found = from_schema(schema)
    if example is None and schema:
        assert set(found) == {"next"}
    else:
        assert found == example

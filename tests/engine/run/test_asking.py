"""Nodes that ask somebody outside: approvals and one-time addresses, alone and once per item."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from engine import doors
from engine.doors import fingerprint, token_of
from engine.models import Wait
from engine.store import settling
from engine.store.results import Woken
from tests.engine.bench import Bench


async def waits(bench: Bench, run_id: str) -> dict[str, dict[str, Any]]:
    """The run's open waits by item."""
    history = await bench.checkpoints.history(run_id)
    return {row["item"] or row["node_id"]: row for row in history.waits if row["settled_at"] is None}


async def answer(bench: Bench, wait_id: str, outcome: Any) -> bool:
    woken: Woken = await bench.writer.submit(
        partial(settling.settle, wait_id=wait_id, outcome=outcome, early=True, in_time=True)
    )
    return woken.done


def decided(choice: str, note: str = "") -> dict[str, str]:
    return {"choice": choice, "by": "Ada", "at": "2026-11-23T10:00:00+00:00", "note": note}


ASK = {"type": "flow.approval", "with": {"title": "Refund?", "evidence": "{{ start }}", "people": ["ada@x.test"]}}
START = {"type": "trigger.manual", "with": {}}


async def test_an_approval_parks_the_run_and_goes_on_as_decided(bench: Bench) -> None:
    nodes = {
        "start": START,
        "ask": ASK,
        "yes": {"type": "flow.output", "with": {"name": "yes", "value": "{{ ask.approved }}"}},
        "no": {"type": "flow.output", "with": {"name": "no", "value": "{{ ask.rejected }}"}},
    }
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": {"refund": 790}})
    assert await bench.advance(run_id) == "waiting"
    wait = (await waits(bench, run_id))["ask"]
    assert (wait["kind"], wait["detail"]["people"]) == ("approval", ["ada@x.test"])
    assert wait["detail"]["evidence"] == {"v": {"refund": 790}}
    assert await answer(bench, wait["id"], decided("reject", "Too much"))
    assert not await answer(bench, wait["id"], decided("approve"))
    ran = await bench.finish(run_id)
    assert (ran.run.status, ran.statuses["yes"], ran.statuses["no"]) == ("done", "skipped", "done")
    assert ran.output("ask", "rejected") == {
        "by": "Ada",
        "at": "2026-11-23T10:00:00+00:00",
        "note": "Too much",
        "value": {"refund": 790},
    }


async def test_each_item_of_a_list_is_asked_by_itself(bench: Bench) -> None:
    nodes = {
        "start": START,
        "ask": ASK,
        "yes": {"type": "data.set", "with": {"record": {}, "fields": {"n": "{{ ask.approved.value }}"}}},
    }
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": [10, 20, 30]})
    assert await bench.advance(run_id) == "waiting"
    asked = await waits(bench, run_id)
    assert sorted(asked) == ["0", "1", "2"]
    for item, choice in (("2", "approve"), ("0", "approve"), ("1", "reject")):
        assert await answer(bench, asked[item]["id"], decided(choice))
        status = await bench.advance(run_id)
        bench.executor = bench.another()
        assert status == ("done" if item == "1" else "waiting")
    ran = await bench.ran(run_id)
    assert ran.output("yes") == [{"n": 10}, {"n": 30}]
    assert {row["status"] for row in ran.items("ask").values()} == {"done"}


async def test_the_deadline_decides_as_the_node_says(bench: Bench) -> None:
    settings = {"title": "Refund?", "amount": 1.2, "unit": "seconds"}
    nodes = {
        "fail": {"type": "flow.approval", "with": settings, "on_error": "output"},
        "approve": {"type": "flow.approval", "with": {**settings, "on_deadline": "approve"}},
        "expired": {"type": "flow.wait_for_call", "with": {**settings, "on_deadline": "expired"}},
    }
    run_id = await bench.start(nodes)
    assert await bench.advance(run_id) == "waiting"
    late = [row["id"] for row in (await bench.checkpoints.history(run_id)).waits]
    ran = await bench.run_out(run_id)
    assert ran.run.status == "done"
    assert ran.output("approve", "approved")["note"] == "Nobody decided in time."
    assert ran.output("expired", "expired")["url"] == ""
    assert ran.steps["fail"]["error"]["kind"] == "Expired"
    assert not any([await answer(bench, wait_id, decided("approve")) for wait_id in late])


async def test_an_answer_after_the_deadline_is_refused_even_before_the_timer_fires(bench: Bench) -> None:
    nodes = {"ask": {"type": "flow.approval", "with": {"title": "Refund?", "amount": 0, "unit": "seconds"}}}
    run_id = await bench.start(nodes)
    assert await bench.advance(run_id) == "waiting"
    wait = (await waits(bench, run_id))["ask"]
    assert not await answer(bench, wait["id"], decided("approve"))
    assert (await bench.run_out(run_id)).run.status == "failed"


async def test_no_row_holds_the_token_and_yet_it_goes_where_it_should(bench: Bench, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    words = {"text": "Open {{ call.opened.url }} now"}
    nodes = {
        "call": {"type": "flow.wait_for_call", "with": {}},
        "made": {"type": "data.set", "with": {"record": {}, "fields": words}},
        "doze": {"type": "lab.doze", "with": {"value": "{{ made }}", "seconds": 1.2}},
        "send": {"type": "lab.sleep", "with": {"value": "{{ doze.text }}", "marks": str(marks)}},
        "ask": {"type": "flow.approval", "with": {"title": "Sent?", "evidence": "{{ made }}"}},
    }
    run_id = await bench.start(nodes)
    assert await bench.advance(run_id) == "waiting"
    (call,) = [row for row in (await waits(bench, run_id)).values() if row["kind"] == "call"] or [None]
    row = bench.find(Wait, call["id"])
    token = token_of(row.id)
    assert row.token_hash == fingerprint(token)
    bench.executor = bench.another()
    ask = next(w for w in (await bench.checkpoints.history(run_id)).waits if w["kind"] == "approval")
    assert doors.shown(ask["detail"]["evidence"]["v"])["text"].endswith(f"/c/{token} now")
    await answer(bench, ask["id"], decided("approve"))
    await answer(bench, row.id, {"payload": {"size": "XL"}})
    ran = await bench.finish(run_id)
    assert (ran.run.status, ran.output("call", "called")) == ("done", {"size": "XL"})
    assert f"/c/{token}" in marks.read_text()
    kept = str([ran.history.steps, ran.history.waits, ran.history.attempts, ran.run.model_dump()])
    assert token not in kept
    assert kept.count(f"weft-door:{row.id}") >= 4


async def test_no_stored_value_holds_the_token_however_large_it_is(bench: Bench, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    filling = "x" * 80_000
    nodes = {
        "call": {"type": "flow.wait_for_call", "with": {}},
        "page": {"type": "data.template", "with": {"text": f"{filling} {{{{ call.opened.url }}}}\n{filling}"}},
        "rows": {
            "type": "data.set",
            "with": {"record": {}, "fields": {"all": ["{{ page }}", "{{ call.opened.url }}"]}},
        },
        "doze": {"type": "lab.doze", "with": {"value": "{{ rows }}", "seconds": 1.2}},
        "send": {"type": "lab.sleep", "with": {"value": "{{ doze.all[1] }}", "marks": str(marks)}},
    }
    run_id = await bench.start(nodes)
    assert await bench.advance(run_id) == "waiting"
    (call,) = [row for row in (await waits(bench, run_id)).values() if row["kind"] == "call"]
    token = token_of(call["id"])
    bench.executor = bench.another()
    await answer(bench, call["id"], {"payload": 1})
    ran = await bench.finish(run_id)
    assert ran.run.status == "done", ran.run.error
    assert f"/c/{token}" in marks.read_text()
    stored = [path for path in (tmp_path / "home").rglob("*") if path.is_file() and path.stat().st_size > 80_000]
    assert stored
    assert not [path for path in stored if token.encode() in path.read_bytes()]
    assert any(f"weft-door:{call['id']}".encode() in path.read_bytes() for path in stored)


async def test_what_waits_beside_a_failure_is_closed_with_the_run(bench: Bench) -> None:
    nodes = {
        "ask": {"type": "flow.approval", "with": {"title": "Refund?"}},
        "slow": {"type": "lab.sleep", "with": {"value": 1, "seconds": 0.1}},
        "stop": {"type": "flow.stop", "with": {"message": "no", "value": "{{ slow }}"}},
    }
    run_id = await bench.start(nodes)
    assert await bench.advance(run_id) == "failed"
    assert await waits(bench, run_id) == {}


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def confirm(log: Path, **more: Any) -> dict[str, Any]:
    """A call whose address one step sends, and another that goes on with what the call brought."""
    return {
        "start": START,
        "call": {"type": "flow.wait_for_call", "with": {"about": "{{ start }}"}, **more},
        "send": {"type": "lab.write", "with": {"value": "{{ call.opened.url }}", "path": str(log)}},
        "after": {"type": "lab.sleep", "with": {"value": 1}, "after": ["{{ send }}"]},
        "both": {
            "type": "data.set",
            "with": {"record": {}, "fields": {"n": "{{ call.called.n }}"}},
            "after": ["{{ send }}"],
        },
    }


async def test_the_address_is_sent_while_the_step_still_waits(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_id = await bench.start(confirm(log), input={"trigger": "start", "payload": {"id": 7}})
    assert await bench.advance(run_id) == "waiting"
    ran = await bench.ran(run_id)
    assert {node: ran.statuses.get(node) for node in ("call", "send", "after", "both")} == {
        "call": "waiting",
        "send": "done",
        "after": "done",
        "both": None,
    }
    assert [line[1] for line in lines(log)] == ["send"]
    bench.executor = bench.another()
    assert await answer(bench, (await waits(bench, run_id))["call"]["id"], {"payload": {"n": 3}})
    ran = await bench.finish(run_id)
    assert (ran.run.status, ran.output("both")) == ("done", {"n": 3})
    assert len(lines(log)) == 1


async def test_the_addresses_of_a_list_are_sent_once_all_are_open(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_id = await bench.start(confirm(log), input={"trigger": "start", "payload": [{"id": 7}, {"id": 8}]})
    assert await bench.advance(run_id) == "waiting"
    assert sorted(line[2] for line in lines(log)) == ["0", "1"]
    asked = await waits(bench, run_id)
    for item, status in (("1", "waiting"), ("0", "done")):
        bench.executor = bench.another()
        assert await answer(bench, asked[item]["id"], {"payload": {"n": int(item)}})
        assert await bench.advance(run_id) == status
    ran = await bench.ran(run_id)
    assert ran.output("both") == [{"n": 0}, {"n": 1}]
    assert len({held["url"] for held in ran.output("call", "opened")}) == 2
    assert len(lines(log)) == 2


async def test_a_crash_between_opening_and_sending_sends_the_same_address(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = confirm(log)
    nodes["slow"] = {"type": "lab.sleep", "with": {"value": "{{ call.opened.url }}", "seconds": 30}}
    nodes["send"]["with"]["value"] = "{{ slow }}"
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": 1})
    claim = await bench.claim(run_id)
    assert claim is not None
    running = asyncio.create_task(bench.executor.execute(claim))
    while not (opened_before := await waits(bench, run_id)):
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await bench.leases.give_back(claim)
    bench.seeds[bench.row(run_id).version_id].document["nodes"]["slow"]["with"]["seconds"] = 0
    bench.executor = bench.another()
    assert await bench.advance(run_id) == "waiting"
    assert (await waits(bench, run_id)).keys() == opened_before.keys()
    assert len(lines(log)) == 1


async def test_waits_stand_in_containers_each_round_by_itself(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "log"
    nodes = {
        "start": START,
        "each": {
            "type": "flow.for_each",
            "with": {"items": "{{ start }}", "mode": "parallel", "result": "{{ ask.approved.note }}"},
        },
        "call": {"type": "flow.wait_for_call", "in": "each", "with": {"about": "{{ item }}"}},
        "send": {"type": "lab.write", "in": "each", "with": {"value": "{{ call.opened.url }}", "path": str(log)}},
        "ask": {"type": "flow.approval", "in": "each", "with": {"title": "Ok?", "evidence": "{{ call.called }}"}},
    }
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": ["a", "b"]})
    assert await bench.advance(run_id) == "waiting"
    assert len(lines(log)) == 2
    for kind, outcome in (("call", {"payload": 1}), ("approval", decided("approve", "fine"))):
        open_now = [row for row in (await bench.checkpoints.history(run_id)).waits if row["settled_at"] is None]
        assert sorted((row["scope"], row["kind"]) for row in open_now) == [("each.0", kind), ("each.1", kind)]
        for row in open_now:
            bench.executor = bench.another()
            assert await answer(bench, row["id"], outcome)
            await bench.advance(run_id)
    ran = await bench.ran(run_id)
    assert (ran.run.status, ran.steps["each"]["output"]["main"]["v"]) == ("done", ["fine", "fine"])
    assert len(lines(log)) == 2

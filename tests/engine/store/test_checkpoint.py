"""What the holder of a segment records, and reads when it goes on, on both databases."""

from engine.models import Run, Segment
from engine.store.changes import AttemptEnd, Changes, StepRow
from tests.engine.store.bench import Bench, bench

__all__ = ["bench"]


async def test_a_run_is_recorded_claimed_and_ended(bench: Bench) -> None:
    started = await bench.start(input={"payload": {"b": 1, "a": [2]}}, options={"reply_to": "x"})
    assert started.created
    claim = await bench.claim(started.run_id)
    assert (claim.epoch, claim.input, claim.options) == (1, {"payload": {"b": 1, "a": [2]}}, {"reply_to": "x"})
    assert list(claim.input["payload"]) == ["b", "a"]
    saved = await bench.checkpoints.save(
        claim,
        Changes(
            steps=[
                StepRow("hook", "done", output={"main": {"v": "a\0b"}}, started_at=5, finished_at=6),
                StepRow("big", "skipped", log=["why"], counts={"total": 3}),
            ],
            end="done",
            output={"x": "ü"},
        ),
    )
    assert saved.seq == 5
    run = bench.row(Run, started.run_id)
    assert (run.status, run.output, run.seq) == ("done", {"x": "ü"}, 5)
    assert run.created_at <= run.started_at <= run.finished_at
    assert bench.row(Segment, started.run_id, 0).status == "done"
    history = await bench.checkpoints.history(started.run_id)
    assert [(step["node_id"], step["seq"], step["output"]) for step in history.steps] == [
        ("hook", 3, {"main": {"v": "a\0b"}}),
        ("big", 4, None),
    ]
    assert history.steps[1]["log"] == ["why"]
    assert [(event.seq, event.kind, event.status) for event in bench.told] == [
        (1, "run", "queued"),
        (2, "run", "running"),
        (3, "step", "done"),
        (4, "step", "skipped"),
        (5, "run", "done"),
    ]


async def test_a_finished_step_is_never_written_again(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    await bench.checkpoints.save(claim, Changes(steps=[StepRow("a", "running", started_at=1)]))
    await bench.checkpoints.save(claim, Changes(steps=[StepRow("a", "done", output={"main": {"v": 1}})]))
    await bench.checkpoints.save(claim, Changes(steps=[StepRow("a", "failed", error={"message": "late"})]))
    (step,) = (await bench.checkpoints.history(claim.run_id)).steps
    assert (step["status"], step["output"], step["started_at"]) == ("done", {"main": {"v": 1}}, 1)


async def test_an_attempt_is_open_until_its_end_is_recorded(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    begun = await bench.checkpoints.begin_attempt(claim, "send", "3", 1, 0, 30_000)
    assert begun.deadline - begun.started_at == 30_000
    (attempt,) = (await bench.checkpoints.history(claim.run_id)).attempts
    assert attempt["outcome"] is None
    ended = AttemptEnd("send", "3", 1, "failed", {"message": "refused"})
    await bench.checkpoints.save(claim, Changes(attempts=[ended]))
    (attempt,) = (await bench.checkpoints.history(claim.run_id)).attempts
    assert (attempt["outcome"], attempt["error"]) == ("failed", {"message": "refused"})

"""What a run is started with: a trial from the editor is careful, every other run does all."""

from collections.abc import Iterator

import pytest

from app.services import runs, unit, workflows
from app.services.access import Actor
from engine import launch
from engine.models import Run
from tests.app.services.test_drafts import SMALL


@pytest.fixture(autouse=True)
def stopped(valkey_url: str) -> Iterator[None]:
    yield
    launch.dispose()


async def options_of(actor: Actor, started: runs.Started) -> dict[str, object]:
    return (await unit.ask(runs.find, actor, started.run_id)).options


async def test_a_trial_writes_few_items_and_uses_pins(ada: Actor) -> None:
    workflow_id = await unit.ask(workflows.create, ada, "", SMALL)
    trial = await runs.start(ada, workflow_id, trigger="hand")
    assert await options_of(ada, trial) == {"pins": {}, "first_writes": 5}
    told_all = await runs.start(ada, workflow_id, trigger="hand", every_item=True)
    assert await options_of(ada, told_all) == {"pins": {}}


async def test_a_published_run_does_all(ada: Actor) -> None:
    workflow_id = await unit.ask(workflows.create, ada, "", SMALL)
    await unit.ask(workflows.publish, ada, workflow_id, "")
    for source in ("api", "form"):
        started = await runs.start(ada, workflow_id, use="published", source=source)
        run: Run = await unit.ask(runs.find, ada, started.run_id)
        assert run.options == {}

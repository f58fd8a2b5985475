"""What a halt cuts short, and what it lets finish."""

import asyncio

import pytest

from engine.run.control import Control, Reason


async def calls(control: Control) -> tuple[asyncio.Task[str], asyncio.Task[str]]:
    """One call that reads and one in the middle of its effect."""

    async def read() -> str:
        with control.calling():
            await asyncio.sleep(0.1)
        return "read"

    async def write() -> str:
        with control.calling():
            control.effect_begins()
            await asyncio.sleep(0.1)
        return "written"

    tasks = asyncio.create_task(read()), asyncio.create_task(write())
    await asyncio.sleep(0.01)
    return tasks


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("pause", ["read", "written"]),
        ("drain", ["", "written"]),
        ("failed", ["", "written"]),
        ("cancel", ["", "written"]),
        ("lost", ["", ""]),
    ],
)
async def test_only_what_must_finish_does(reason: Reason, finish: list[str]) -> None:
    control = Control()
    tasks = await calls(control)
    control.halt(reason)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert ["" if isinstance(end, BaseException) else end for end in ended] == finish
    assert control.halted


async def test_a_stronger_reason_replaces_a_weaker_one_and_never_the_other_way() -> None:
    control = Control()
    for reason, now in (("drain", "drain"), ("cancel", "cancel"), ("failed", "cancel"), ("lost", "lost")):
        control.halt(reason)  # type: ignore[arg-type]  # a literal each
        assert control.reason == now

"""Whatever happens to a run, in whatever order: a model of runs beside the real statements, driven by hypothesis.

Workers claim, lose their lease, write on though they lost it, park, pause and end; people pause, resume, cancel and
answer; timers fire; deliveries come twice. After each of these the rows must say what the model says, every change of
a state must stand in the table of states, each wait settles once, and no wake-up is lost.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.models import new_id
from engine.models.states import RUN, SEGMENT
from engine.store import cancelling, pausing, settling, starting
from engine.store.changes import Changes, EndStatus, NewWait, Saved, StepRow
from engine.store.claim import Claim, Fenced, take
from engine.store.db import Database
from engine.store.driver import Driver, Operation
from engine.store.lease import give_back
from engine.store.results import Delivery
from engine.store.saving import save
from engine.store.statement import Statement
from engine.store.sweeping import sweep
from tests.engine.seed import Seed, seed

LOOK_RUN = Statement("SELECT status, wanted, wake FROM run WHERE id = :run")
LOOK_SEGMENT = Statement("SELECT status, epoch FROM segment WHERE run_id = :run")
LOOK_WAITS = Statement("SELECT id FROM wait WHERE run_id = :run AND settled_at IS NULL")
LOOK_STEPS = Statement("SELECT count(*) FROM step WHERE run_id = :run AND status IN ('running', 'waiting')")
LOSE = Statement("UPDATE segment SET lease_until = 1 WHERE run_id = :run")
LATE = Statement("UPDATE run SET wanted_at = 1 WHERE id = :run")
PAST = 1_000

which = st.integers(0, 20)
# Mostly the present holder acts, sometimes one that was fenced off.
holder = st.sampled_from([0, 0, 0, 0, 1, 2])
# What ends a run is done less often than what happens to it, so that it lives long enough.
seldom = st.sampled_from([False, False, False, True])


def look(driver: Driver, run_id: str) -> Operation:
    key = {"run": run_id}
    asked = [driver.send(statement, key) for statement in (LOOK_RUN, LOOK_SEGMENT, LOOK_WAITS, LOOK_STEPS)]
    yield
    return [answer.rows() for answer in asked]


def change(driver: Driver, statement: Statement, run_id: str) -> Operation:
    driver.send(statement, {"run": run_id})
    yield


class Interleavings(RuleBasedStateMachine):
    """One run with one segment, and everybody who may touch it."""

    place: ClassVar[Seed]
    driver: ClassVar[Driver]

    def do(self, make: Callable[[Driver], Operation]) -> Any:
        """One operation in one transaction, as the writer does it."""
        self.driver.begin()
        try:
            result = self.driver.run([make(self.driver)])[0]
            self.driver.commit()
        except BaseException:
            self.driver.rollback()
            raise
        return result

    @initialize()
    def begin(self) -> None:
        """A run is recorded."""
        started = self.do(partial(starting.start, new=self.place.run()))
        self.run_id: str = started.run_id
        self.run, self.segment, self.epoch = "queued", "queued", 0
        self.wanted: str | None = None
        self.wake, self.round = 0, 0
        self.holders: list[Claim] = []
        self.open: dict[str, str] = {}  # wait: timer, answer or budget
        self.settled: list[str] = []
        self.before = ("queued", "queued")

    @precondition(lambda self: self.over)
    @rule()
    def begin_another(self) -> None:
        """Nothing more is to be learned of a run that is over for long."""
        self.begin()

    # --- what the model says ---

    @property
    def over(self) -> bool:
        return self.run in RUN.ended

    def holds(self, claim: Claim) -> bool:
        return self.segment == "running" and claim.epoch == self.epoch

    def close(self, run: str, forced: bool = False) -> None:
        """The run is over; `forced` by others than the holder, whose epoch is over then too."""
        self.run, self.segment, self.epoch = run, "done", self.epoch + forced
        self.settled += self.open
        self.open = {}

    def woken(self, wait_id: str) -> None:
        del self.open[wait_id]
        self.settled.append(wait_id)
        self.wake += 1
        if self.segment == "parked":
            self.segment = "queued"
        if self.run == "waiting":
            self.run = "queued"

    def resumed(self) -> bool:
        if "budget" in self.open.values() or not (self.run == "paused" or (self.wanted == "pause" and not self.over)):
            return False
        if self.run == "paused":
            self.run, self.segment = "queued", "queued"
        self.wanted = None
        return True

    # --- workers ---

    @precondition(lambda self: self.segment == "queued")
    @rule()
    def claim(self) -> None:
        """A worker takes what is queued."""
        self.deliver(0)

    @rule(epoch=holder)
    def deliver(self, epoch: int) -> None:
        """A delivery arrives: the newest, or one that came before, or twice."""
        epoch = max(0, self.epoch - epoch % 3)
        taken = self.do(partial(take, delivery=Delivery(self.run_id, 0, epoch), owner="o", lease=60_000, deadline=0))
        assert (taken is not None) is (self.segment == "queued" and epoch == self.epoch)
        if taken is not None:
            self.run, self.segment, self.epoch = "running", "running", self.epoch + 1
            assert (taken.epoch, taken.wake, taken.wanted) == (self.epoch, self.wake, self.wanted)
            self.holders.append(taken)

    @rule(sure=seldom)
    def lose_the_lease(self, sure: bool = True) -> None:
        if not sure:
            return
        self.do(partial(change, statement=LOSE, run_id=self.run_id))
        found = self.do(partial(sweep, patience=3_600_000))
        mine = [one for one in found.expired if one.run_id == self.run_id]
        assert bool(mine) is (self.segment == "running")
        if mine:
            self.segment = "queued"

    def saved(self, number: int, changes: Changes) -> tuple[Claim, Saved | None]:
        """A checkpoint by some holder, the present one or one that was fenced off; None if it was refused."""
        claim = self.holders[-1 - number % min(3, len(self.holders))]
        result = self.do(partial(save, held=claim, changes=changes))
        assert isinstance(result, Fenced) is not self.holds(claim)
        return claim, None if isinstance(result, Fenced) else result

    @precondition(lambda self: self.holders)
    @rule(number=holder, status=st.sampled_from(["running", "done"]))
    def checkpoint(self, number: int, status: str) -> None:
        _, result = self.saved(number, Changes(steps=[StepRow("a", status)]))
        assert result is None or (result.wanted, result.wake) == (self.wanted, self.wake)

    @precondition(lambda self: self.holders)
    @rule(number=holder, kind=st.sampled_from(["timer", "answer"]))
    def wait_for(self, number: int, kind: str) -> None:
        self.round += 1
        due = PAST if kind == "timer" else None
        wait = NewWait(new_id(), "b", "timer" if due else "approval", round=self.round, due=due)
        _, result = self.saved(number, Changes(steps=[StepRow("b", "waiting", str(self.round))], waits=[wait]))
        if result is not None:
            self.open[wait.id] = kind

    @precondition(lambda self: self.segment == "running")
    @rule(kind=st.sampled_from(["timer", "answer"]))
    def wait_and_park(self, kind: str) -> None:
        """What a holder does most: it waits for something, reads the rows again, and parks."""
        self.wait_for(0, kind)
        self.read_again(0)
        self.park(0)

    @precondition(lambda self: self.holders)
    @rule(number=holder)
    def read_again(self, number: int) -> None:
        claim = self.holders[-1 - number % min(3, len(self.holders))]
        claim.wake = self.wake

    @precondition(lambda self: self.holders)
    @rule(number=holder)
    def park(self, number: int) -> None:
        """A holder has nothing left to do but to wait, as far as it knows."""
        claim = self.holders[-1 - number % min(3, len(self.holders))]
        if claim.wake == self.wake and not set(self.open.values()) & {"timer", "answer"}:
            return
        claim, result = self.saved(number, Changes(park=True))
        if result is None:
            return
        assert result.parked is (claim.wake == self.wake and self.wanted is None)
        if result.parked:
            self.run, self.segment = "waiting", "parked"

    @precondition(lambda self: self.holders)
    @rule(number=holder, asks=seldom)
    def rest(self, number: int, asks: bool) -> None:
        """A holder gives up: as somebody wished, or since the budget is used up."""
        self.round += 1
        question = [NewWait(new_id(), "", "budget", round=self.round)] if asks else []
        _, result = self.saved(number, Changes(waits=question, pause=True))
        if result is None:
            return
        self.open |= {wait.id: "budget" for wait in question}
        assert result.paused is (self.wanted == "pause" or (asks and self.wanted is None))
        if result.paused:
            self.run, self.segment, self.wanted = "paused", "paused", None

    @precondition(lambda self: self.holders)
    @rule(number=holder, status=st.sampled_from(["done", "failed", "cancelled"]), sure=seldom)
    def end(self, number: int, status: EndStatus, sure: bool = True) -> None:
        if not sure:
            return
        _, result = self.saved(number, Changes(end=status))
        if result is not None:
            self.close(status)

    @precondition(lambda self: self.holders)
    @rule(number=holder)
    def give_back(self, number: int) -> None:
        claim = self.holders[-1 - number % min(3, len(self.holders))]
        found = self.do(partial(give_back, held=claim))
        assert bool(found.deliveries) is self.holds(claim)
        if found.deliveries:
            self.segment = "queued"

    # --- people and timers ---

    @precondition(lambda self: not self.over)
    @rule(sure=seldom)
    def pause(self, sure: bool) -> None:
        if not sure:
            return
        woken = self.do(partial(pausing.pause, run_id=self.run_id))
        assert woken.done is (self.wanted is None and self.run in ("queued", "running", "waiting"))
        if woken.done and self.segment == "running":
            self.wanted = "pause"
        elif woken.done:
            self.run, self.segment = "paused", "paused"

    @rule(sure=seldom)
    def resume(self, sure: bool = True) -> None:
        if not sure and self.run != "paused":
            return
        woken = self.do(partial(pausing.resume, run_id=self.run_id))
        assert woken.done is self.resumed()

    @rule(sure=seldom)
    def cancel(self, sure: bool) -> None:
        if not sure:
            return
        woken = self.do(partial(cancelling.cancel, run_id=self.run_id))
        assert woken.done is not self.over
        if woken.done:
            self.wanted = "cancel"
        if woken.done and self.segment != "running":
            self.close("cancelled", forced=True)
            self.nothing_is_under_way()

    @precondition(lambda self: self.wanted == "cancel" and not self.over)
    @rule()
    def cancel_for_good(self) -> None:
        """The holder heeded no wish to cancel for too long."""
        self.do(partial(change, statement=LATE, run_id=self.run_id))
        assert self.run_id in self.do(cancelling.cancel_overdue).run_ids
        self.close("cancelled", forced=True)
        self.nothing_is_under_way()

    def nothing_is_under_way(self) -> None:
        assert self.do(partial(look, run_id=self.run_id))[3][0][0] == 0

    @precondition(lambda self: self.open or self.settled)
    @rule(number=which)
    def answer(self, number: int) -> None:
        """An answer comes, for whatever wait there ever was, for the first time or again."""
        wait_id = [*self.open, *self.settled][number % (len(self.open) + len(self.settled))]
        if self.open.get(wait_id) == "budget":
            return
        woken = self.do(partial(settling.settle, wait_id=wait_id, outcome={"n": 1}, early=True, in_time=True))
        # A timer's time has come already: it is the scheduler's.
        assert woken.done is (self.open.get(wait_id) == "answer")
        if woken.done:
            self.woken(wait_id)

    @precondition(lambda self: self.open)
    @rule()
    def tick(self) -> None:
        """The scheduler looks for what is due; twice, as two schedulers do."""
        mine = set(self.open) & set(self.do(partial(settling.due_waits, limit=1_000)))
        assert mine == {wait_id for wait_id, kind in self.open.items() if kind == "timer"}
        for wait_id in sorted(mine):
            settle = partial(settling.settle, wait_id=wait_id, outcome={"due": True}, early=False)
            assert [self.do(settle).done for _ in range(2)] == [True, False]
            self.woken(wait_id)

    @precondition(lambda self: "budget" in self.open.values())
    @rule(goes_on=st.booleans())
    def decide_on_the_budget(self, goes_on: bool) -> None:
        wait_id = next(wait_id for wait_id, kind in self.open.items() if kind == "budget")
        given = {"run_id": self.run_id, "wait_id": wait_id, "outcome": {}}
        if goes_on:
            assert self.do(partial(pausing.raise_budget, **given, budget={"steps": 2})).done
            self.woken(wait_id)
            self.resumed()
            return
        assert self.do(partial(pausing.end_budget, **given)).done
        self.woken(wait_id)
        self.wanted = "cancel"
        if self.segment != "running":
            self.close("cancelled", forced=True)

    # --- what must hold ---

    @invariant()
    def the_rows_say_what_the_model_says(self) -> None:
        if not hasattr(self, "run_id"):
            return
        run, segment, waits, _ = self.do(partial(look, run_id=self.run_id))
        assert tuple(run[0]) == (self.run, self.wanted, self.wake)
        assert tuple(segment[0]) == (self.segment, self.epoch)
        assert {row[0] for row in waits} == set(self.open)
        assert len(self.settled) == len(set(self.settled))

    @invariant()
    def every_move_stands_in_the_table(self) -> None:
        if not hasattr(self, "run_id"):
            return
        run, segment = self.before
        assert run == self.run or RUN.allows(run, self.run)
        assert segment == self.segment or SEGMENT.allows(segment, self.segment)
        self.before = (self.run, self.segment)

    def teardown(self) -> None:
        """From wherever it is, a run comes to its end."""
        if not hasattr(self, "run_id"):
            return
        for _ in range(8):
            if self.over:
                return
            while "budget" in self.open.values():
                self.decide_on_the_budget(True)
            if self.over:
                return
            self.resume()
            self.tick()
            for _ in list(self.open):
                self.answer(0)
            self.lose_the_lease()
            self.deliver(0)
            if self.segment == "running":
                self.end(0, "done")
        assert self.over, f"a run that is {self.run} ({self.segment}) is lost"


@pytest.fixture
def machine(database_url: str) -> Iterator[type[Interleavings]]:
    database = Database(database_url)
    made = type("Machine", (Interleavings,), {"place": seed(database), "driver": database.driver()})
    yield made
    made.driver.close()
    database.close()


def test_no_order_of_events_leads_astray(machine: type[Interleavings], database_url: str) -> None:
    examples = 60 if database_url.startswith("sqlite") else 30
    wanted = settings(
        max_examples=examples, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=wanted)

"""The table of states: what it says, and that no statement of the engine says anything else."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import engine
from engine.models.states import MACHINES, RUN, SEGMENT, STEP, WAIT, IllegalMove, Machine
from engine.store.statement import Statement

# What the parameter `:status` of these statements may be.
PARAMETER = {
    "END_RUN": ("done", "failed", "cancelled"),
    "CLOSE_SEGMENT": ("done", "parked", "paused"),
    "PUT_STEP": tuple(STEP.states),
}
MACHINE = {machine.name: machine for machine in MACHINES}


def statements() -> Iterator[tuple[str, str]]:
    """The name and the SQL of every statement that a module of the engine holds."""
    for info in pkgutil.walk_packages(engine.__path__, "engine."):
        module = importlib.import_module(info.name)
        for name, held in vars(module).items():
            if isinstance(held, Statement):
                yield name, held.sqlite


ALL = dict(statements())


def states_in(machine: Machine, condition: str) -> set[str]:
    """The states in which a row must be, by what a condition says of its status."""
    condition = re.sub(r"\((SELECT|EXISTS)", "(", re.sub(r"(NOT )?EXISTS \(.*?'\)\)", "", condition))
    found: set[str] = set(machine.states)
    for listed in re.findall(r"\bstatus IN \(([^)]*)\)", condition):
        found &= set(re.findall(r"'(\w+)'", listed))
    for single in re.findall(r"\bstatus = '(\w+)'", condition):
        found &= {single}
    return found


def updates() -> Iterator[tuple[str, Machine, set[str], set[str]]]:
    """Every statement that sets a status: its name, whose, from which states, to which."""
    for name, sql in ALL.items():
        found = re.search(r'UPDATE "?(\w+)"? SET (.*?) WHERE (.*)', sql)
        if "ON CONFLICT" in sql and (into := re.match(r"INSERT INTO (\w+)", sql)):
            found = re.search(r"DO (UPDATE) SET (.*?) WHERE (.*)", sql)
            table = into[1]
        elif found:
            table = found[1]
        if not found or table not in MACHINE:
            continue
        sets, where = found[2], found[3].partition(" RETURNING ")[0]
        if case := re.search(r"status = CASE WHEN (.*?) THEN '(\w+)' ELSE status END", sets):
            yield name, MACHINE[table], states_in(MACHINE[table], case[1]), {case[2]}
        elif to := re.search(r"(?<![.\w])status = (?:'(\w+)'|(:status|excluded\.status))", sets):
            after = {to[1]} if to[1] else set(PARAMETER[name])
            yield name, MACHINE[table], states_in(MACHINE[table], where), after


def test_every_statement_that_sets_a_status_names_a_move_of_the_table() -> None:
    seen = set()
    for name, machine, before, after in updates():
        seen.add(name)
        assert before < set(machine.states), f"{name} does not say in which states it may be used"
        for one in before:
            for other in after:
                assert machine.allows(one, other), f"{name} takes a {machine.name} from {one} to {other}"
    # A walk that finds nothing proves nothing.
    assert seen >= {
        *("CLAIM", "BEGIN_RUN", "DROP", "GIVE_BACK", "EXPIRED", "END_RUN", "CLOSE_SEGMENT", "WAITING", "PAUSED"),
        *("WAKE_SEGMENTS", "WAKE_RUN", "CLOSE_SEGMENTS", "CANCEL_STEPS", "CANCEL_RUN", "PUT_STEP"),
        *("PAUSE_SEGMENTS", "PAUSE_RUN", "RESUME_RUN", "RESUME_SEGMENTS"),
    }


def test_every_statement_that_settles_a_wait_finds_it_open() -> None:
    settling = {name: sql for name, sql in ALL.items() if re.search(r"UPDATE wait SET settled_at", sql)}
    assert {"SETTLE", "DROP_WAITS"} <= set(settling)
    assert all("settled_at IS NULL" in sql.partition("WHERE")[2] for sql in settling.values())


def without_brackets(sql: str) -> str:
    """The same without what stands in brackets, queries inside queries among it."""
    while (shorter := re.sub(r"\([^()]*\)", "", sql)) != sql:
        sql = shorter
    return sql


def test_new_rows_begin_where_the_table_says() -> None:
    seen = set()
    for name, sql in ALL.items():
        into = re.match(r"INSERT INTO (\w+) \(([^)]*)\)\s*(?:VALUES|SELECT) \(?(.*)", sql)
        if not into or into[1] not in MACHINE or "status" not in into[2]:
            continue
        machine, values = MACHINE[into[1]], without_brackets(into[3]).partition(" FROM ")[0]
        value = dict(zip(re.split(r",\s*", into[2]), re.split(r",\s*", values), strict=False))["status"].strip()
        seen.add(name)
        if value == "status":  # a copy, of rows whose states it names
            assert set(machine.ended) >= states_in(machine, sql.partition(" FROM ")[2]), name
            continue
        for status in PARAMETER[name] if value.startswith(":") else (value.strip("'"),):
            assert machine.allows("", status), name
    assert seen >= {"PUT_RUN", "PUT_SEGMENT", "PUT_STEP", "TAKE_STEPS"}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_is_reached_and_every_move_is_between_states(machine: Machine) -> None:
    reached = {move.after for move in machine.moves}
    assert reached == set(machine.states)
    assert {move.before for move in machine.moves} <= {"", *machine.states}
    assert machine.ended


def test_what_the_table_does_not_allow_cannot_be_written() -> None:
    assert RUN.becoming("paused") == "status IN ('queued', 'running', 'waiting')"
    assert SEGMENT.becoming("queued", "parked") == "status = 'parked'"
    with pytest.raises(IllegalMove, match="never goes from 'done' to 'queued'"):
        RUN.becoming("queued", "done")
    with pytest.raises(IllegalMove, match="never 'asleep'"):
        RUN.within("asleep")
    assert not RUN.allows("done", "done")
    assert WAIT.ended == ("settled",)

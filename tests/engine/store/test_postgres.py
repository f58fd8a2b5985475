"""PostgreSQL's driver: cursors are used again, and nothing of what went through them before shows or stays."""

from collections.abc import Iterator

import pytest

from engine.store.db import Database
from engine.store.driver import Operation
from engine.store.postgres import PostgresDriver
from engine.store.statement import Statement

ECHO = Statement("SELECT CAST(:text AS TEXT) AS text")
LARGE = "x" * 100_000


@pytest.fixture
def driver(postgres_url: str) -> Iterator[PostgresDriver]:
    data = Database(postgres_url)
    made = data.driver()
    assert isinstance(made, PostgresDriver)
    yield made
    made.close()
    data.close()


def echo(driver: PostgresDriver, *texts: str) -> Operation:
    answers = [driver.send(ECHO, {"text": text}) for text in texts]
    yield
    return [answer.rows()[0][0] for answer in answers]


def test_every_statement_of_a_batch_has_its_own_answer_also_in_the_next_batch(driver: PostgresDriver) -> None:
    for turn in ("first", "second", "third"):
        driver.begin()
        said = [[f"{turn} {number} {part}" for part in range(3)] for number in range(4)]
        assert driver.run([echo(driver, *texts) for texts in said]) == said
        driver.commit()


def test_what_was_large_is_not_held_on_to(driver: PostgresDriver) -> None:
    for texts in (["small"], [LARGE], ["small", LARGE]):
        driver.begin()
        assert driver.run([echo(driver, *texts)]) == [texts]
        driver.commit()
    driver.begin()
    kept = [cursor.pgresult for idle in driver._cursors._idle.values() for cursor in idle]
    assert kept
    assert all(len(result.get_value(0, 0) or b"") < len(LARGE) for result in kept if result and result.ntuples)


def test_after_a_failed_batch_the_next_one_is_sound(driver: PostgresDriver) -> None:
    broken = Statement("SELECT 1 / CAST(:zero AS INTEGER)")

    def fail() -> Operation:
        driver.send(broken, {"zero": 0})
        yield

    driver.begin()
    with pytest.raises(Exception, match="division by zero"):
        driver.run([echo(driver, "a"), fail(), echo(driver, "b")])
    driver.rollback()
    driver.begin()
    assert driver.run([echo(driver, "a"), echo(driver, "b")]) == [["a"], ["b"]]
    driver.commit()

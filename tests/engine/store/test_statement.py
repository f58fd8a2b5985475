"""One text in two dialects: its words, its lists, and parameters that stand there more than once."""

from pathlib import Path

from engine.store.db import Database
from engine.store.statement import Statement

BOTH = Statement("SELECT :b, :a, :b, {clock} > :b WHERE CAST(:a AS TEXT) {in:some} {lock}")


def test_a_name_is_one_parameter_however_often_it_stands_there() -> None:
    assert BOTH.names == ("b", "a", "clock", "some")
    assert BOTH.numbered == "SELECT ?1, ?2, ?1, ?3 > ?1 WHERE CAST(?2 AS TEXT) IN (SELECT value FROM json_each(?4))"
    assert BOTH.postgres.startswith(b"SELECT %(b)s, %(a)s, %(b)s, (extract(epoch")
    assert BOTH.postgres.endswith(b"WHERE CAST(%(a)s AS TEXT) = ANY(%(some)s) FOR UPDATE")


def test_sqlite_gets_each_value_at_its_place(tmp_path: Path) -> None:
    data = Database(f"sqlite:///{tmp_path / 'weft.db'}")
    with data.reader() as reader:
        assert reader.send(BOTH, {"a": "x", "b": 5, "some": ["w", "x"], "unused": 1}).rows() == [(5, "x", 5, 1)]
        assert reader.send(BOTH, {"a": "y", "b": 5, "some": ["w", "x"]}).rows() == []
    data.close()

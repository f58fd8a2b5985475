"""One SQL text for both databases.

A statement is written with `:name` parameters and these words: `{clock}` the database's clock in milliseconds since
1970; `{share}`, `{lock}` and `{skip}` row locks where the database has them; `{in:name}` membership in a list
parameter; `{turn}` whether no other transaction has its turn now.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# The key of PostgreSQL's advisory lock behind `{turn}`; any number that nothing else in the database uses.
TURN_LOCK = 7_732_911


class Statement:
    """One SQL text in the dialects of both databases.

    An INSERT that is used with `send_many` gives the PostgreSQL type of each parameter in `types`: there the rows
    travel as one document, since one statement costs little more than one row. No two rows may have the same key.
    """

    __slots__ = ("lists", "names", "numbered", "postgres", "postgres_rows", "sqlite")

    def __init__(self, text: str, types: Mapping[str, str] | None = None) -> None:
        text = re.sub(r"\s+", " ", text).strip()
        sqlite = re.sub(r"\{in:(\w+)\}", r"IN (SELECT value FROM json_each(:\1))", text)
        # SQLite lets one writer in at a time: it always is its turn.
        sqlite = sqlite.replace("{clock}", ":clock").replace("{turn}", "1")
        self.sqlite = re.sub(r"\{(share|lock|skip)\}", "", sqlite).strip()
        # SQLite's own driver looks parameters up by name for every row, which costs more than the rest of binding them.
        self.lists = frozenset(re.findall(r"\{in:(\w+)\}", text))
        self.names = tuple(dict.fromkeys(re.findall(r":(\w+)", self.sqlite)))
        self.numbered = re.sub(r":(\w+)", lambda found: f"?{self.names.index(found[1]) + 1}", self.sqlite)
        self.postgres = _in_postgres(text)
        self.postgres_rows = b"" if types is None else _in_postgres(_from_document(text, types))


def _in_postgres(text: str) -> bytes:
    text = re.sub(r"\{in:(\w+)\}", r"= ANY(:\1)", text)
    text = re.sub(r"(?<!:):(\w+)", r"%(\1)s", text)
    return (
        text.replace("{clock}", "(extract(epoch FROM statement_timestamp()) * 1000)::bigint")
        .replace("{share}", "FOR SHARE")
        .replace("{lock}", "FOR UPDATE")
        .replace("{skip}", "FOR UPDATE SKIP LOCKED")
        .replace("{turn}", f"pg_try_advisory_xact_lock({TURN_LOCK})")
    ).encode()


def _from_document(text: str, types: Mapping[str, str]) -> str:
    """`INSERT … VALUES (:a, :b) …` as `INSERT … SELECT r.a, r.b FROM json_to_recordset(:rows) …`.

    JSON columns travel as strings inside that document: read as values, a zero character in them would be refused.
    """
    before, values, after = re.split(r"VALUES \(([^)]*)\)", text, maxsplit=1)
    names = re.findall(r":(\w+)", values)
    taken = ", ".join(f"r.{name}::json" if types[name] == "json" else f"r.{name}" for name in names)
    columns = ", ".join(f"{name} {types[name].replace('json', 'text')}" for name in names)
    return f"{before}SELECT {taken} FROM json_to_recordset(:rows) AS r({columns}){after}"  # noqa: S608 - constants only

"""Read and write JSON files."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from engine.contract import BadParams, File, FileField, Files, Params, Port, Whole, action
from integrations.core.data.text import dump_json, load_json
from integrations.core.files.tables import file_name, place_of, storable


class ReadJson(Params):
    file: Annotated[File, Port(), FileField(accept=".json,.jsonl,.ndjson,application/json")] = Field(
        description="The file to read",
        examples=[{"$file": "0" * 64, "name": "orders.json", "media_type": "application/json", "size": 12}],
    )
    lines: bool = Field(default=False, description="One JSON value per line (JSON Lines)", examples=[True])


@action(
    "files.read_json",
    title="Read JSON",
    category="files",
    icon="file-braces",
    cpu=True,
    subtitle="Values from a file",
    keywords=("import", "jsonl", "ndjson", "parse"),
)
def read_json(params: ReadJson, files: Files) -> Any:
    """Read a JSON file as its value, or a JSON Lines file as a list. An error names the line and column.

    With a list: each file is read by itself.
    """
    with files.open(params.file) as stream:
        content = stream.read()
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadParams(
            f"“{params.file.name}” is not written in UTF-8: byte {error.start:,} does not fit.",
            field="file",
            hint="Save the file as UTF-8.",
        ) from error
    if not params.lines:
        return load_json(text, "file")
    return [_line(line, i) for i, line in enumerate(text.splitlines(), 1) if line.strip()]


def _line(line: str, i: int) -> Any:
    try:
        return load_json(line, "file")
    except BadParams as error:
        raise BadParams(f"In line {i} of the file: {error.message}", field="file", hint=error.hint) from error


class WriteJson(Params):
    value: Annotated[Any, Port(), Whole()] = Field(description="The value to write", examples=[[{"a": 1}]])
    name: str = Field(default="value.json", min_length=1, description="The file's name", examples=["orders.json"])
    lines: bool = Field(
        default=False, description="One row per line (JSON Lines) instead of one value", examples=[True]
    )
    indent: int = Field(default=2, ge=0, le=8, description="Spaces per level; 0 writes it on one line", examples=[2])


@action(
    "files.write_json",
    title="Write JSON",
    category="files",
    icon="file-down",
    cpu=True,
    subtitle="Values to a file",
    keywords=("export", "download", "save", "jsonl"),
)
def write_json(params: WriteJson, files: Files) -> File:
    """Write a value as a JSON file in UTF-8, or rows as a JSON Lines file.

    With a list: takes it whole; a list is one file.
    """
    if params.lines:
        rows = params.value if isinstance(params.value, list) else [params.value]
        content = b"".join(_encoded(row, dump_json(row) + "\n", i) for i, row in enumerate(rows, 1))
        return files.save(file_name(params.name, ".jsonl"), "application/x-ndjson", content)
    content = _encoded(params.value, dump_json(params.value, params.indent))
    return files.save(file_name(params.name, ".json"), "application/json", content)


def _encoded(value: Any, text: str, row: int = 0) -> bytes:
    """The JSON text of a value in UTF-8. Raises BadParams naming the field that UTF-8 cannot hold."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        if isinstance(value, list) and not row:
            for i, one in enumerate(value, 1):
                _encoded(one, dump_json(one), i)
        for name, held in value.items() if isinstance(value, dict) else ():
            storable(f"{name}{dump_json(held)}", place_of(row, str(name)), "value")
        storable(text, f"Row {row:,}" if row else "The value", "value")
        raise

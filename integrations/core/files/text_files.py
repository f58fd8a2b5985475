"""Read and write plain text files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from engine.contract import BadParams, File, FileField, Files, Multiline, OutputTooLarge, Params, Port, action
from integrations.core.files.encodings import find_encoding
from integrations.core.files.tables import file_name

MOST_BYTES = 20 * 1024 * 1024

Encoding = Literal[
    "utf-8", "utf-16", "windows-1252", "windows-1250", "windows-1251", "iso-8859-1", "iso-8859-2", "iso-8859-15",
    "cp437", "cp850", "mac-roman", "koi8-r", "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr", "ascii",
]  # fmt: skip


class ReadText(Params):
    file: Annotated[File, Port(), FileField(accept="text/*,.txt,.md,.log,.html,.xml,.yaml")] = Field(
        description="The file to read, up to 20 MB",
        examples=[{"$file": "0" * 64, "name": "letter.txt", "media_type": "text/plain", "size": 12}],
    )
    encoding: Literal["auto"] | Encoding = Field(
        default="auto",
        description="How characters are stored; auto reads UTF-8 and UTF-16, and else Windows-1252",
        examples=["shift_jis"],
    )


class ReadResult(BaseModel):
    """The text of a file."""

    text: str = Field(description="The text, with line ends as \\n")
    lines: int = Field(description="How many lines it has")
    encoding: str = Field(description="How its characters were stored")


@action(
    "files.read_text",
    title="Read text",
    category="files",
    icon="file-text",
    cpu=True,
    subtitle="The text of a file",
    keywords=("txt", "markdown", "log", "import", "encoding", "content"),
)
def read_text(params: ReadText, files: Files) -> ReadResult:
    """Read a text file as one text. Line ends become the same whatever program wrote it.

    With a list: each file is read by itself.
    """
    if params.file.size > MOST_BYTES:
        raise OutputTooLarge(
            f"“{params.file.name}” has {params.file.size:,} bytes; as one text at most {MOST_BYTES:,} are read.",
            hint="Read a long table with Read CSV, which goes through it row by row.",
        )
    with files.open(params.file) as stream:
        encoding = find_encoding(stream) if params.encoding == "auto" else params.encoding
        content = stream.read()
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadParams(
            f"“{params.file.name}” is not written in {encoding}: byte {error.start:,} does not fit.",
            field="encoding",
            hint="Choose another encoding, or auto.",
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return ReadResult(text=text, lines=len(text.splitlines()), encoding=encoding)


class WriteText(Params):
    text: Annotated[str, Port(), Multiline(rows=8)] = Field(
        description="What the file holds", examples=["Dear {{ person.name }},"]
    )
    name: str = Field(
        default="text.txt", min_length=1, description="The file's name, with its extension", examples=["letter.txt"]
    )
    encoding: Encoding = Field(default="utf-8", description="How characters are stored", examples=["windows-1252"])
    line_ends: Literal["unix", "windows"] = Field(
        default="unix", description="How a line ends: for most programs, or for old ones on Windows", examples=["unix"]
    )


_MEDIA = {
    ".md": "text/markdown", ".html": "text/html", ".htm": "text/html", ".csv": "text/csv", ".xml": "application/xml",
    ".json": "application/json", ".yaml": "application/yaml", ".yml": "application/yaml", ".ics": "text/calendar",
}  # fmt: skip


@action(
    "files.write_text",
    title="Write text",
    category="files",
    icon="file-down",
    cpu=True,
    subtitle="A text to a file",
    keywords=("txt", "markdown", "html", "export", "save", "download"),
)
def write_text(params: WriteText, files: Files) -> File:
    """Write a text as a file. What the encoding has no sign for is an error that names it; nothing is replaced.

    With a list: each text is a file of its own.
    """
    ending = "." + params.name.rpartition(".")[2].lower() if "." in params.name else ".txt"
    text = params.text.replace("\r\n", "\n").replace("\r", "\n")
    if params.line_ends == "windows":
        text = text.replace("\n", "\r\n")
    try:
        content = text.encode(params.encoding)
    except UnicodeEncodeError as error:
        raise BadParams(
            f"“{text[error.start]}” (character {error.start + 1:,}) cannot be written in {params.encoding}.",
            field="encoding",
            hint="Write UTF-8, or take this character out.",
        ) from error
    return files.save(file_name(params.name, ending), _MEDIA.get(ending, "text/plain"), content)

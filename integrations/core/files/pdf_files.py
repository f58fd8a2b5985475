"""Read the text of PDF files, take pages out, put files together."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from engine.contract import BadParams, File, FileField, Files, OutputTooLarge, Params, Port, action
from integrations.core.files.tables import file_name

if TYPE_CHECKING:
    from pypdf import PdfReader

MEDIA_TYPE = "application/pdf"
MOST_BYTES = 100 * 1024 * 1024
MOST_PAGES = 2_000
MOST_TEXT = 20_000_000
_EXAMPLE = {"$file": "0" * 64, "name": "invoice.pdf", "media_type": MEDIA_TYPE, "size": 12}
_PAGES = "Which pages, such as 1-3, 5 or 7-; none: all"


class ReadPdf(Params):
    file: Annotated[File, Port(), FileField(accept=".pdf,application/pdf")] = Field(
        description="The PDF to read, up to 100 MB", examples=[_EXAMPLE]
    )
    pages: str = Field(default="", description=_PAGES, examples=["1-3, 5"])
    password: str = Field(default="", description="The password that opens it, if it has one", examples=[""])


class Page(BaseModel):
    """One page of a PDF."""

    page: int = Field(description="The page's number, from 1")
    text: str = Field(description="The page's text, empty where it holds only pictures")


class PdfText(BaseModel):
    """What a PDF says."""

    text: str = Field(description="The text of all pages read, with an empty line between pages")
    pages: list[Page] = Field(description="The pages, each with its text")
    count: int = Field(description="How many pages the file has")
    has_text: bool = Field(description="Whether there is any text; a scan has none")
    title: str = Field(description="The title, as the file names it")
    author: str = Field(description="The author, as the file names it")


@action(
    "files.read_pdf",
    title="Read PDF",
    category="files",
    icon="file-text",
    cpu=True,
    subtitle="The text of its pages",
    keywords=("text", "extract", "pages", "invoice", "document", "acrobat"),
)
def read_pdf(params: ReadPdf, files: Files) -> PdfText:
    """Read the text of a PDF, page by page, in the order in which it stands in the file.

    A scanned page holds a picture and no text: `has_text` says so.

    With a list: each file is read by itself.
    """
    import pypdfium2 as pdfium  # noqa: PLC0415  loaded where used

    content = _content(params.file, files)
    try:
        document = pdfium.PdfDocument(content, password=params.password or None)
    except pdfium.PdfiumError as error:
        raise _unreadable(params.file, str(error), bool(params.password)) from error
    try:
        count = len(document)
        chosen = _chosen(params.pages, count)
        pages: list[Page] = []
        length = 0
        for number in chosen:
            text = _page_text(document, number, params.file)
            length += len(text)
            if length > MOST_TEXT:
                raise OutputTooLarge(
                    f"“{params.file.name}” holds more than {MOST_TEXT:,} characters up to page {number}.",
                    hint="Read fewer pages at once.",
                )
            pages.append(Page(page=number, text=text))
        told = document.get_metadata_dict()
    finally:
        document.close()
    texts = [page.text for page in pages if page.text]
    return PdfText(
        text="\n\n".join(texts), pages=pages, count=count, has_text=bool(texts),
        title=told.get("Title", ""), author=told.get("Author", ""),
    )  # fmt: skip


def _page_text(document: Any, number: int, file: File) -> str:
    import pypdfium2 as pdfium  # noqa: PLC0415  loaded where used

    try:
        page = document[number - 1]
    except pdfium.PdfiumError as error:
        raise BadParams(
            f"Page {number} of “{file.name}” is damaged.",
            field="file",
            hint="Open it in a PDF viewer and save it anew, or leave this page out.",
        ) from error
    try:
        told = page.get_textpage()
        try:
            text = str(told.get_text_bounded())
        finally:
            told.close()
    finally:
        page.close()
    # U+FFFE and U+0002 stand where a word was divided at the end of a line.
    text = text.replace("\r\n", "\n").replace("\ufffe", "").replace("\x02", "").replace("\x00", "")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


class SplitPdf(Params):
    file: Annotated[File, Port(), FileField(accept=".pdf,application/pdf")] = Field(
        description="The PDF to take pages from, up to 100 MB", examples=[_EXAMPLE]
    )
    pages: str = Field(default="", description=_PAGES, examples=["2-"])
    each: bool = Field(default=False, description="One file for each page, instead of one for all", examples=[True])
    name: str = Field(
        default="", description="The name of what is written; none: the file's own", examples=["part.pdf"]
    )


@action(
    "files.split_pdf",
    title="Split PDF",
    category="files",
    icon="scissors",
    cpu=True,
    subtitle="Take pages out of a PDF",
    keywords=("pages", "extract", "cut", "divide", "separate"),
)
def split_pdf(params: SplitPdf, files: Files) -> list[File]:
    """Take pages out of a PDF: into one new file, or each page into a file of its own. The output is a list of files.

    With a list: each file is split by itself.
    """
    from pypdf import PdfWriter  # noqa: PLC0415  loaded where used

    with _opened(params.file, files) as reader:
        chosen = _chosen(params.pages, len(reader.pages))
        stem = (params.name or params.file.name).removesuffix(".pdf").removesuffix(".PDF")
        groups = [[number] for number in chosen] if params.each else [list(chosen)]
        made: list[File] = []
        for group in groups:
            writer = PdfWriter()
            for number in group:
                writer.add_page(reader.pages[number - 1])
            made.append(_saved(writer, f"{stem} {group[0]}" if params.each else stem, files))
        return made


class MergePdf(Params):
    files: Annotated[list[File], Port(), FileField(accept=".pdf,application/pdf")] = Field(
        description="The PDFs to put together, in this order", examples=[[_EXAMPLE, _EXAMPLE]]
    )
    name: str = Field(default="merged.pdf", min_length=1, description="The new file's name", examples=["all.pdf"])


@action(
    "files.merge_pdf",
    title="Merge PDFs",
    category="files",
    icon="file-plus",
    cpu=True,
    subtitle="Several PDFs as one",
    keywords=("join", "combine", "append", "concatenate", "pages"),
)
def merge_pdf(params: MergePdf, files: Files) -> File:
    """Put several PDFs together as one file, with all their pages in order.

    With a list: takes it whole; all files become one.
    """
    from pypdf import PdfWriter  # noqa: PLC0415  loaded where used

    if not params.files:
        raise BadParams("There is no file to merge.", field="files", hint="Wire at least one PDF to this step.")
    writer = PdfWriter()
    for file in params.files:
        with _opened(file, files) as reader:
            if len(writer.pages) + len(reader.pages) > MOST_PAGES:
                raise OutputTooLarge(f"Together the files have more than {MOST_PAGES:,} pages.", hint="Merge fewer.")
            for page in reader.pages:
                writer.add_page(page)
    return _saved(writer, params.name, files)


def _content(file: File, files: Files) -> bytes:
    if file.size > MOST_BYTES:
        raise OutputTooLarge(
            f"“{file.name}” has {file.size:,} bytes; at most {MOST_BYTES:,} are read.", hint="Split it before."
        )
    with files.open(file) as stream:
        return stream.read()


@contextmanager
def _opened(file: File, files: Files) -> Iterator[PdfReader]:
    """For changing; what the library finds wrong with the file is a BadParams that names it."""
    from pypdf import PdfReader  # noqa: PLC0415  loaded where used
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        reader = PdfReader(io.BytesIO(_content(file, files)))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _unreadable(file, "password", False)
        if len(reader.pages) > MOST_PAGES:
            raise OutputTooLarge(f"“{file.name}” has more than {MOST_PAGES:,} pages.", hint="Split it before.")
        yield reader
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError, AssertionError) as error:
        raise _unreadable(file, str(error), False) from error


def _saved(writer: Any, name: str, files: Files) -> File:
    buffer = io.BytesIO()
    writer.write(buffer)
    return files.save(file_name(name, ".pdf"), MEDIA_TYPE, buffer.getvalue())


def _unreadable(file: File, why: str, tried: bool) -> BadParams:
    if "password" in why.lower():
        told = "The password does not open" if tried else "A password is needed to open"
        return BadParams(f"{told} “{file.name}”.", field="password", hint="Ask whoever made the file for its password.")
    return BadParams(
        f"“{file.name}” cannot be read as a PDF.", field="file", hint="Open it in a PDF viewer and save it anew."
    )


def _chosen(pages: str, count: int) -> list[int]:
    """The numbers of the pages that `1-3, 5, 7-` names, in that order. Raises BadParams, OutputTooLarge."""
    found: list[int] = []
    for part in filter(None, (part.strip() for part in pages.split(","))) if pages.strip() else ["1-"]:
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        numbers = [first or "1", last or str(count)] if dash else [first, first]
        if not all(number.isascii() and number.isdigit() and len(number) < 8 for number in numbers):
            raise BadParams(f"“{part[:40]}” names no pages.", field="pages", hint="Write for example 1-3, 5 or 7-.")
        start, end = (int(number) for number in numbers)
        if not 1 <= start <= max(count, 1) or (end > count and last) or (end < start and count):
            raise BadParams(f"“{part}” is not there: the file has {count:,} pages.", field="pages")
        found += range(start, end + 1)
        if len(found) > MOST_PAGES:
            raise OutputTooLarge(f"More than {MOST_PAGES:,} pages at once.", hint="Choose fewer pages.")
    return found

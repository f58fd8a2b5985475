"""Main text of a web page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from engine.contract import Multiline, Params, Port, Select, action


class ReadPage(Params):
    html: Annotated[str, Port(), Multiline()] = Field(
        title="HTML",
        description="The HTML of the page",
        examples=["<html><body><article><h1>News</h1><p>Long text …</p></article></body></html>"],
    )
    url: str = Field(
        title="Page address",
        default="",
        description="The page's address, if known",
        examples=["https://example.com/news"],
    )
    form: Annotated[Literal["markdown", "text"], Select(options=("markdown", "text"))] = Field(
        title="Format",
        default="markdown",
        description="Whether headings, lists and links are kept as Markdown",
        examples=["text"],
    )
    tables: bool = Field(default=True, description="Whether tables are kept", examples=[True])
    comments: bool = Field(default=False, description="Whether readers' comments are kept", examples=[False])


class Page(BaseModel):
    """What a reader would see of it."""

    title: str = Field(description="The page's title")
    author: str = Field(description="Who wrote it, if the page says so")
    date: str = Field(description="When it was published, as 2026-11-23, if that can be found")
    description: str = Field(description="The page's summary of itself")
    site: str = Field(description="The name of the site")
    text: str = Field(description="The main text; empty if there is none")


@action(
    "data.read_page",
    title="Main text of a page",
    category="text",
    icon="book-open",
    cpu=True,
    subtitle="Text without menus and ads",
    keywords=("article", "readability", "scrape", "web page", "content", "boilerplate", "trafilatura"),
    time_limit=60,
)
def read_page(params: ReadPage) -> Page:
    """Read the main text of a web page, without menus, ads and footers, and what the page says of itself.

    With a list: each page is read by itself.
    """
    import trafilatura  # noqa: PLC0415  heavy

    found: Any = None
    if params.html.strip():
        found = trafilatura.bare_extraction(
            params.html.replace("\x00", ""),
            url=params.url or None,
            output_format="python",
            include_formatting=params.form == "markdown",
            include_links=params.form == "markdown",
            include_tables=params.tables,
            include_comments=params.comments,
            with_metadata=True,
        )
    facts = found.as_dict() if found is not None else {}
    text = str(facts.get("text") or "").strip()
    if params.comments and facts.get("comments"):
        text = f"{text}\n\n{facts['comments']}".strip()
    return Page(
        title=str(facts.get("title") or ""),
        author=str(facts.get("author") or ""),
        date=str(facts.get("date") or ""),
        description=str(facts.get("description") or ""),
        site=str(facts.get("sitename") or ""),
        text=text,
    )

"""Markdown to HTML, and HTML to Markdown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.contract import BadParams, Multiline, Params, Port, Select, action


class MarkdownToHtml(Params):
    text: Annotated[str, Port(), Multiline(rows=6)] = Field(
        description="The Markdown text", examples=["# Hello\n\nYour order is **on its way**."]
    )
    breaks: bool = Field(default=False, description="Whether each line break stays a line break", examples=[True])


@action(
    "data.markdown_to_html",
    title="Markdown to HTML",
    category="text",
    icon="file-code",
    cpu=True,
    subtitle="For mails and pages",
    keywords=("md", "convert", "render", "mail", "commonmark"),
)
def markdown_to_html(params: MarkdownToHtml) -> str:
    """Turn a Markdown text (CommonMark, with tables and strikethrough) into HTML. Scripts, styles and whatever else
    could do harm is taken out.

    With a list: each text is turned by itself.
    """
    import nh3  # noqa: PLC0415
    from markdown_it import MarkdownIt  # noqa: PLC0415

    parser = MarkdownIt("commonmark", {"html": True, "breaks": params.breaks}).enable(["table", "strikethrough"])
    return nh3.clean(parser.render(params.text))


class HtmlToMarkdown(Params):
    html: Annotated[str, Port(), Multiline(rows=6)] = Field(
        title="HTML", description="The HTML", examples=["<h1>Hello</h1><p>Your order is <b>on its way</b>.</p>"]
    )
    links: bool = Field(default=True, description="Whether links are kept; otherwise only their text", examples=[False])
    images: bool = Field(default=True, description="Whether images are kept", examples=[False])
    bullets: Annotated[Literal["-", "*", "+"], Select(options=("-", "*", "+"))] = Field(
        default="-", description="The mark of a list's items", examples=["*"]
    )


@action(
    "data.html_to_markdown",
    title="HTML to Markdown",
    category="text",
    icon="hash",
    cpu=True,
    subtitle="Pages for people and models",
    keywords=("md", "convert", "text", "mail", "web page", "llm"),
)
def html_to_markdown(params: HtmlToMarkdown) -> str:
    """Turn HTML into a Markdown text: headings, lists, tables, links, emphasis. Scripts and styles are left out. For
    the main text of a whole page, use Main text of a page.

    With a list: each page is turned by itself.
    """
    import nh3  # noqa: PLC0415
    from markdownify import markdownify  # noqa: PLC0415

    left_out = [*([] if params.links else ["a"]), *([] if params.images else ["img"])]
    try:
        text = markdownify(nh3.clean(params.html), heading_style="ATX", bullets=params.bullets, strip=left_out or None)
    except RecursionError as error:
        raise BadParams("The HTML is nested too deeply.", field="html") from error
    return "\n".join(line.rstrip() for line in str(text).strip().splitlines())

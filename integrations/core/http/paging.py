"""How the next page of an answer is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urljoin

from engine.contract import BadParams
from engine.contract.http import Answer
from integrations.core.values import kind, pick

Query = dict[str, Any]


class Paged(Protocol):
    """The settings that paging reads."""

    @property
    def paging(self) -> str: ...
    @property
    def next_path(self) -> str: ...
    @property
    def page_parameter(self) -> str: ...
    @property
    def first_page(self) -> int: ...
    @property
    def items_path(self) -> str: ...


def items_of(body: Any, params: Paged) -> list[Any]:
    """The items on a page. Raises `BadParams` when there is no list where the settings say."""
    found = pick(body, params.items_path) if params.items_path else body
    if found is None:
        return []
    if not isinstance(found, list):
        where = f"“{params.items_path}” of the answer" if params.items_path else "The answer"
        raise BadParams(
            f"{where} is {kind(found)}, not a list, so its pages cannot be put together.",
            field="items_path",
            hint="Say in which field the items are, such as data.items.",
        )
    return found


def _link(params: Paged, answer: Answer, body: Any, page: int, found: int) -> tuple[str, Query] | None:
    """RFC 8288 `Link: <…>; rel="next"`, or a URL in the body."""
    target = pick(body, params.next_path) if params.next_path else answer.links.get("next")
    return (urljoin(answer.url, str(target)), {}) if target else None


def _page(params: Paged, answer: Answer, body: Any, page: int, found: int) -> tuple[str, Query] | None:
    """Counts until a page has no items."""
    return ("", {params.page_parameter: params.first_page + page}) if found else None


def _cursor(params: Paged, answer: Answer, body: Any, page: int, found: int) -> tuple[str, Query] | None:
    cursor = pick(body, params.next_path)
    return ("", {params.page_parameter: cursor}) if cursor not in (None, "", False) else None


NEXT: Mapping[str, Callable[[Paged, Answer, Any, int, int], tuple[str, Query] | None]] = {
    "link": _link,
    "page": _page,
    "cursor": _cursor,
}

"""Words, numbers and tables as screens show them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from app.services import run_view, shown, values
from app.services.run_data import StepView
from app.services.values import Review
from engine.models import now


def _href(file: Mapping[str, Any]) -> str:
    return f"/files/{file['$file']}"


def _step(**columns: Any) -> StepView:
    held = {
        "node_id": "look_up",
        "label": "Look up",
        "type": "http.request",
        "icon": "globe",
        "category": "http",
        "status": "running",
        "attempt": 1,
        "started_at": now() - timedelta(seconds=10),
        "finished_at": None,
        "counts": None,
        "error": None,
        "outputs": {},
        "log": (),
    }
    return StepView(**{**held, **columns})


@pytest.mark.parametrize(
    ("length", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (124_000, "124 kB"), (5_200_000, "5.2 MB")],
)
def test_sizes(length: int, said: str) -> None:
    assert shown.size(length) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, ""),
        (True, "Yes"),
        (3080, "3,080"),
        (0.5, "0.5"),
        (2 / 3, "0.6667"),
        (["a", "b"], "a, b"),
        ([{"a": 1}], '[{"a":1}]'),
        ({"$file": "0" * 64, "name": "x.csv"}, "x.csv"),
        ("y" * 500, "y" * 400 + "…"),
    ],
)
def test_cells(value: Any, said: str) -> None:
    assert values.cell(value) == said


def test_a_table_has_the_columns_of_all_its_rows_and_marks_what_is_unsure() -> None:
    rows = [{"a": "x", "sure": 0.91}, {"a": "y", "sure": 0.2, "b": None}]
    view = values.view(rows, 50, 52, _href, review=Review("sure", 0.6))
    assert [column["name"] for column in view["columns"]] == ["a", "sure", "b"]
    assert [column["numeric"] for column in view["columns"]] == [False, True, False]
    assert (view["shown"], view["has_before"], view["has_after"]) == ("51 to 52 of 52", True, False)
    assert [row["number"] for row in view["rows"]] == ["51", "52"]
    assert [row["cells"][1]["text"] for row in view["rows"]] == ["0.91", "Check · 0.20"]
    assert [row["mark"] for row in view["rows"]] == ["", "Check this"]


def test_what_is_no_record_stands_in_one_column() -> None:
    view = values.view([1, "two", {"$file": "0" * 64, "name": "f"}], 0, 3, _href)
    assert [row["cells"][0]["text"] for row in view["rows"]] == ["1", "two", "f"]


def test_columns_of_few_short_words_read_as_chips() -> None:
    rows = [{"id": f"message {i}", "department": "Cards" if i % 2 else "Cash"} for i in range(8)]
    tones = [cell["tone"] for cell in values.view(rows, 0, 8, _href)["rows"][0]["cells"]]
    assert tones == ["", "plain"]


def test_single_values() -> None:
    assert values.view([None], 0, None, _href)["kind"] == "empty"
    assert values.view([{"a": 1}], 0, None, _href)["text"] == '{\n  "a": 1\n}'
    file = values.view([{"$file": "f" * 64, "name": "a.csv", "size": 1500}], 0, None, _href)
    assert (file["kind"], file["file_size"], file["file_href"]) == ("file", "1.5 kB", "/files/" + "f" * 64)


def test_long_lists_inside_a_record_are_cut_and_counted() -> None:
    assert "… 3,060 more" in values.text({"rows": list(range(3080))})


def test_bars_take_the_first_name_and_the_first_number() -> None:
    rows = [{"Department": "Cards", "Messages": 880}, {"Department": "Cash", "Messages": 220}]
    assert values.bars(rows) == [
        {"label": "Cards", "text": "880", "percent": 100.0},
        {"label": "Cash", "text": "220", "percent": 25.0},
    ]
    assert values.bars([{"a": "x"}]) == []


def test_items_are_told_with_what_failed() -> None:
    assert run_view.items({"total": 5000, "done": 1284, "failed": 0}) == "1,284 of 5,000"
    assert run_view.items({"total": 3080, "done": 3073, "failed": 7}) == "3,080 items, 7 failed"
    assert run_view.items(None, {"main": 12, "error": None}) == "12 items"
    assert run_view.items(None, {"main": None}) == ""


def test_progress_counts_the_part_of_a_step_that_runs() -> None:
    rows = [_step(status="done"), _step(counts={"total": 100, "done": 50, "failed": 0}), _step(status="pending")]
    found = run_view.progress(rows)
    assert (found["steps"], found["items"], found["percent"]) == ("1 of 3", "50 of 100", 50.0)
    assert found["left"].startswith("about 10 s") or found["left"].startswith("about 9 s")


def test_an_error_says_where_and_shows_the_exchange() -> None:
    told = run_view.error(
        {
            "message": "Too many requests (429) from orders-api",
            "hint": "Wait.",
            "node": "look_up",
            "label": "Look up",
            "item": "1278",
            "request": {"method": "GET", "url": "http://x/1", "headers": {"Authorization": "••••"}},
            "response": {"status": 429, "headers": {"Retry-After": "2"}, "body": "slow down"},
        }
    )
    assert told["where"] == "Look up, item 1,279"
    assert told["request"] == "GET http://x/1\nAuthorization: ••••"
    assert told["response"] == "429\nRetry-After: 2\n\nslow down"
    assert run_view.error(None) == run_view.NO_ERROR


def test_a_picture_has_at_most_five_tiles_within_its_frame() -> None:
    kinds = ("trigger", "flow", "data", "ai", "http")
    picture = shown.picture([(f"icon-{i}", kinds[i % 5]) for i in range(14)])
    assert [tile["category"] for tile in picture["tiles"]] == ["trigger", "ai", "http", "ai", "ai"]
    assert len(picture["tiles"]) == 5
    assert len(picture["wires"]) == 4
    assert all(5 < tile["left"] < 95 and 20 < tile["top"] < 84 for tile in picture["tiles"])
    assert shown.picture([]) == {"tiles": [], "wires": []}

"""The reference of templates cannot rot: each example is run, each name stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.expressions import compile
from engine.expressions.functions import FILTERS, FUNCTIONS, METHODS, TESTS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "templates.md").read_text()
VALUES = json.loads(PAGE.split("```json\n")[1].split("```")[0])
EXAMPLES = re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("template", "gives"), EXAMPLES)
def test_the_example_gives_what_it_says(template: str, gives: str) -> None:
    assert compile(template.replace("\\|", "|")).evaluate(VALUES) == json.loads(gives)


def test_every_filter_has_an_example() -> None:
    used = {name for template, _ in EXAMPLES for name in re.findall(r"\\\|(\w+)", template)}
    assert used == FILTERS


@pytest.mark.parametrize("names", [FUNCTIONS, METHODS, TESTS])
def test_every_name_stands_on_the_page(names: frozenset[str]) -> None:
    assert {name for name in names if not re.search(rf"\b{name}\b", PAGE)} == set()

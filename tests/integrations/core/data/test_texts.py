"""What must hold for any text: encoded and decoded, split and joined, written and read back."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from engine.contract import BadParams
from integrations.core.data.encode import Encode, encode
from integrations.core.data.html import BuildHtml, ExtractHtml, build_html, extract_html
from integrations.core.data.joining import JoinTexts, SplitText, join_texts, split_text
from integrations.core.data.json_path import JsonPath, json_path
from integrations.core.data.markdown import MarkdownToHtml, markdown_to_html
from integrations.core.data.nesting import FlattenFields, flatten_fields
from integrations.core.data.regex import Regex, regex
from integrations.core.data.similarity import Closest, Similarity, closest, similarity
from integrations.core.data.words import CHANGES, ChangeText, change_text
from integrations.core.data.xml import BuildXml, ParseXml, build_xml, parse_xml
from integrations.core.data.yaml import BuildYaml, ParseYaml, build_yaml, parse_yaml
from tests.integrations.core.test_properties import call, values
from tests.integrations.services import FolderFiles

printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,6}", fullmatch=True)


def files_call(node: Any, params: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(node.function(params, FolderFiles(Path(folder))))


@given(st.text(), st.sampled_from(["base64", "base64url", "hex", "url", "html"]))
def test_decoding_takes_back_what_encoding_did(text: str, encoding: Any) -> None:
    assume(encoding != "html" or not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]", text))
    written = files_call(encode, Encode(value=text, encoding=encoding))
    assert files_call(encode, Encode(value=written, encoding=encoding, direction="decode")) == text


@given(st.lists(st.text(st.characters(exclude_characters=";"))))
def test_splitting_takes_back_what_joining_did(items: list[str]) -> None:
    joined = call(join_texts, JoinTexts(items=items, separator=";", skip_empty=False))
    split = call(split_text, SplitText(text=joined, separator=";", trim=False, skip_empty=False))
    assert split == (items or [""])


@given(st.text(), st.integers(1, 9))
def test_pieces_of_a_text_are_the_whole(text: str, length: int) -> None:
    parts = call(split_text, SplitText(text=text, by="length", length=length))
    assert "".join(parts) == text and all(len(part) == length for part in parts[:-1])


@given(st.text(max_size=40), st.sampled_from(["trim", "single_spaces", "lower", "upper", "slug", "digits", "cut"]))
def test_cleaning_twice_is_cleaning_once(text: str, change: Any) -> None:
    once = call(change_text, ChangeText(text=text, change=change))
    assert call(change_text, ChangeText(text=once, change=change)) == once
    assert set(CHANGES) >= {change}


@given(printable, printable, st.sampled_from(["letters", "words", "part", "names"]))
def test_likeness_is_between_0_and_1_and_1_for_equals(first: str, second: str, method: Any) -> None:
    score = call(similarity, Similarity(first=first, second=second, method=method))
    assert 0 <= score <= 1
    if method in ("letters", "names"):
        assert call(similarity, Similarity(first=first, second=first, method=method)) == 1


@given(st.lists(printable, min_size=1, max_size=6), st.data())
def test_what_is_in_the_list_is_found_in_it(choices: list[str], data: st.DataObject) -> None:
    wanted = data.draw(st.sampled_from(choices))
    found = call(closest, Closest(text=wanted, choices=choices, ignore_case=False))
    assert found.match == wanted and found.score == 1 and found.index == choices.index(wanted)


@given(st.text(max_size=30), st.sampled_from([r"\d", r"[a-e]+", r"\s+", r"(x)?"]))
def test_replacing_with_the_place_itself_changes_nothing(text: str, pattern: str) -> None:
    assert call(regex, Regex(text=text, pattern=pattern, operation="replace", replacement="$0")) == text


@given(st.text(max_size=30), st.text(min_size=1, max_size=12))
def test_any_pattern_works_or_is_explained(text: str, pattern: str) -> None:
    for operation in ("extract", "extract_all", "test", "replace", "split"):
        try:
            call(regex, Regex(text=text, pattern=pattern, operation=operation))
        except BadParams as error:
            assert error.field == "pattern"


leaves = st.none() | printable.map(str.strip).map(lambda text: text or None)
xml_values = st.recursive(
    leaves,
    lambda inner: st.dictionaries(names, inner | st.lists(inner, min_size=2, max_size=3), max_size=3),
    max_leaves=8,
)


@given(xml_values, st.booleans())
def test_xml_written_is_xml_read(value: Any, pretty: bool) -> None:
    assume(not _has_unwritable(value))
    text = call(build_xml, BuildXml(value=value, root="r", pretty=pretty))
    assert call(parse_xml, ParseXml(text=text, prefixes=True)) == {"r": value or None}


def _has_unwritable(value: Any) -> bool:
    """Also: an empty record is read as nothing, as XML has no other way to say it."""
    if isinstance(value, dict):
        return any(_has_unwritable(inner) or inner == {} for inner in value.values())
    if isinstance(value, list):
        return any(_has_unwritable(inner) or inner == {} for inner in value)
    return isinstance(value, str) and bool(re.search("[\ufffe\uffff]", value))


@given(values)
def test_yaml_written_is_yaml_read(value: Any) -> None:
    assert call(parse_yaml, ParseYaml(text=call(build_yaml, BuildYaml(value=value)))) == value


nested = st.recursive(
    st.integers() | st.none() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(names, nested, max_size=4))
def test_nesting_takes_back_what_flattening_did(record: dict[str, Any]) -> None:
    flat = call(flatten_fields, FlattenFields(record=record))
    assert not any(isinstance(value, dict) for value in flat.values())
    assert call(flatten_fields, FlattenFields(record=flat, direction="nest")) == record


@given(st.lists(st.fixed_dictionaries({"a": printable, "b": printable}), min_size=1, max_size=4))
def test_a_table_built_is_the_table_extracted(rows: list[dict[str, str]]) -> None:
    html = call(build_html, BuildHtml(rows=rows, columns=["a", "b"], links=False))
    back = call(
        extract_html,
        ExtractHtml(
            html=html,
            within="tbody tr",
            values=[{"name": "a", "selector": "td:nth-child(1)"}, {"name": "b", "selector": "td:nth-child(2)"}],
        ),
    )
    assert back == [{name: " ".join(text.split()) for name, text in row.items()} for row in rows]


@given(st.text(), st.sampled_from(["<script>alert(1)</script>", '<img src=x onerror="x()">', "[a](javascript:x)", ""]))
def test_no_markdown_becomes_a_script(text: str, attack: str) -> None:
    html = call(markdown_to_html, MarkdownToHtml(text=f"{text}\n\n{attack}")).lower()
    assert "<script" not in html and "onerror=" not in html.replace("&quot;", "") and 'href="javascript' not in html


@given(st.lists(st.integers(), max_size=6))
def test_the_path_to_all_items_is_the_list(items: list[int]) -> None:
    assert call(json_path, JsonPath(value=items, path="$[*]")) == items

"""Templates: what they refer to, what they give, and what they are kept from."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract import LongList
from engine.expressions import Reference, TemplateError, compile, rename, walk, write

ORDER = {
    "id": 7,
    "total": 21.5,
    "lines": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}],
    "x y": 5,
    "items": "own",
    "none": None,
}
SCOPE: dict[str, Any] = {
    "order": ORDER,
    "names": ["Ada", "Bob"],
    "now": "2026-03-01T09:30:00Z",
    "random": "seed",
    "item": {"n": 4},
    "index": 2,
}


def value(source: str, **more: Any) -> Any:
    return compile(source).evaluate({**SCOPE, **more})


@pytest.mark.parametrize(
    ("source", "kind", "expected"),
    [
        ("plain", "literal", "plain"),
        ("", "literal", ""),
        ("{ no } % template", "literal", "{ no } % template"),
        ("{{ order.total }}", "reference", 21.5),
        (" {{order.total}}\n", "reference", 21.5),
        ("{{ order }}", "reference", ORDER),
        ("{{ (order.id) }}", "expression", 7),
        ("No. {{ order.id }}!", "text", "No. 7!"),
        ("{{ order.id }}{{ order.id }}", "text", "77"),
        ("{{ order.id + 1 }}", "expression", 8),
        ("{{ order['x y'] }}", "reference", 5),
        ('{{ order.lines[0]["sku"] }}', "reference", "A"),
        ("{{ order.lines[-1].sku }}", "reference", "B"),
        ("{{ order.lines.1.sku }}", "reference", "B"),
        ("{{ order.lines.sku }}", "reference", ["A", "B"]),
        ("{{ order.lines[9].sku }}", "reference", None),
        ("{{ order.nothing.at.all }}", "reference", None),
        ("{{ order.items }}", "reference", "own"),
        ("{{ now() }}", "reference", "2026-03-01T09:30:00Z"),
        ("{{ now }}", "reference", "2026-03-01T09:30:00Z"),
        ("{{ index + item.n }}", "expression", 6),
        ("{# a note #}{{ order.id }}", "text", "7"),
        ("{% raw %}{{ order.id }}{% endraw %}", "text", "{{ order.id }}"),
    ],
)
def test_alone_keeps_the_type_inside_text_becomes_text(source: str, kind: str, expected: Any) -> None:
    template = compile(source)
    assert (template.kind, template.evaluate(SCOPE)) == (kind, expected)


@pytest.mark.parametrize(
    ("value_", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (2.0, "2"),
        (2.5, "2.5"),
        ([1, None], "[1,null]"),
        ({"a": "ü"}, '{"a":"ü"}'),
    ],
)
def test_what_values_look_like_inside_text(value_: Any, text: str) -> None:
    assert compile("<{{ v }}>").evaluate({"v": value_}) == f"<{text}>"
    assert compile("<{{ v }}>{% if true %}{% endif %}").evaluate({"v": value_}) == f"<{text}>"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 7 / 2 }}", 3.5),
        ("{{ 4 / 2 }}", 2),
        ("{{ 'a' ~ 1 }}", "a1"),
        ("{{ order.total > 20 and 'big' or 'small' }}", "big"),
        ("{{ 'yes' if 'Ada' in names else 'no' }}", "yes"),
        ("{{ order.missing|default('none') }}", "none"),
        ("{{ order.none|default('none') }}", "none"),
        ("{{ order.missing is defined }}", False),
        ("{{ names|length }}", 2),
        ("{{ len(names) }}", 2),
        ("{{ order.lines.n|sum }}", 3),
        ("{{ sum(order.lines.n) }}", 3),
        ("{{ max(order.id, 9) }}", 9),
        ("{{ max(order.lines.n) }}", 2),
        ("{{ order.lines|map(attribute='sku')|join('+') }}", "A+B"),
        ("{{ ', '.join(names) }}", "Ada, Bob"),
        ("{{ names|sort(reverse=true) }}", ["Bob", "Ada"]),
        ("{{ order.lines|selectattr('n', 'gt', 1)|list }}", [{"sku": "B", "n": 2}]),
        ("{{ names[0].upper().replace('A', 'x') }}", "xDx"),
        ("{{ {'a': order.id, 'b': [1, order.id]} }}", {"a": 7, "b": [1, 7]}),
        ("{{ order.items() }}", [[k, v] for k, v in ORDER.items()]),
        ("{{ order.get('id') + 1 }}", 8),
        ("{{ names[1:] }}", ["Bob"]),
        ("{{ 7.5|round }}", 8),
        ("{{ 2.675|round(2) }}", 2.68),
        ("{{ 1234.5|number(2) }}", "1,234.50"),
        ("{{ 0.875|percent(1) }}", "87.5%"),
        ("{{ now()|date('%d.%m.%Y') }}", "01.03.2026"),
        ("{{ now()|add_time(days=31)|date }}", "2026-04-01"),
        ("{{ '2026-03-01'|days_until('2026-03-08') }}", 7),
        ("{{ order.lines|tojson }}", '[{"sku":"A","n":1},{"sku":"B","n":2}]'),
        ("{{ '[1, {\"a\": 2}]'|fromjson }}", [1, {"a": 2}]),
        ("{{ 'Größe XL!'|slug }}", "grosse-xl"),
        ("{{ 'abc'|hash }}", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("{{ 'héllo'|base64|unbase64 }}", "héllo"),
        ("{{ '12 apples'|int }}", 0),
        ("{{ '12'|int + '1.5'|float }}", 13.5),
        ("{{ [[1], [2, 3]]|flatten }}", [1, 2, 3]),
        ("{{ [1, 2, 3]|batch(2) }}", [[1, 2], [3]]),
        ("{{ [2, 4]|average }}", 3),
        ("{{ 'one two'|words }}", 2),
        ("{{ 'abcdef'|truncate(4) }}", "abc…"),
        ("{{ not order.none }}", True),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ order.total * 2 - -1 }}", 44),
        ("{{ 2 ** 10 // 3 % 7 }}", 5),
        ("{{ 'ab' * 2 * 2 }}", "abababab"),
        ("{{ ('a' ~ 'b') * order.id }}", "ab" * 7),
    ],
)
def test_expressions(source: str, expected: Any) -> None:
    result = value(source)
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% for l in order.lines %}{{ l.sku }}{{ l.n * 2 }};{% endfor %}", "A2;B4;"),
        ("{% for l in order.lines if l.n > 1 %}{{ loop.index }}{{ l.sku }}{% else %}-{% endfor %}", "1B"),
        ("{% for k, v in order.lines[0].items() %}{{ k }}={{ v }} {% endfor %}", "sku=A n=1 "),
        ("{% set double = order.id * 2 %}{{ double }}", "14"),
        ("{% if names %}{% for n in names %}{{ n }} {%- endfor %}{% endif %}", "AdaBob"),
        ("{% if order.id > 9 %}a{% elif order.id > 5 %}b{% else %}c{% endif %}\n", "b\n"),
        ("{% for order in names %}{{ order }}{% endfor %}", "AdaBob"),
    ],
)
def test_statements_in_texts(source: str, expected: str) -> None:
    assert value(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ a.b[0].c }}", ["a.b[0].c"]),
        ('{{ a["x y"].z }} {{ b }}', ["a['x y'].z", "b"]),
        ("{{ a.b + a.b + a.c }}", ["a.b", "a.c"]),
        ("{{ a|upper }}", ["a"]),
        ("{{ a|length }}", ["a*"]),
        ("{{ a.b|default([])|length }}", ["a.b*"]),
        ("{{ a|map('upper')|join(b) }}", ["a*", "b"]),
        ("{{ (a or b)|join }}", ["a*", "b*"]),
        ("{{ x in rows }}", ["x", "rows*"]),
        ("{{ x is in rows }}", ["x", "rows*"]),
        ("{{ x is divisibleby y }}", ["x", "y"]),
        ("{{ rows[n] }}", ["rows*", "n"]),
        ("{{ rows[1:n] }}", ["rows*", "n"]),
        ("{{ rows[0] }}", ["rows[0]"]),
        ("{{ r.items() }}", ["r"]),
        ("{{ max(a) + max(b, c) }}", ["a*", "b", "c"]),
        ("{{ a.v / rows|sum }}", ["a.v", "rows*"]),
        ("{% for r in rows %}{{ r.x }}{{ s }}{{ loop.index }}{% endfor %}{{ r }}", ["rows*", "s", "r"]),
        ("{% set x = a %}{{ x.y }}", ["a"]),
        ("{% if rows %}{% for r in rows %}{% endfor %}{% endif %}", ["rows*"]),
        ("{% if rows %}x{% endif %}", ["rows"]),
        ("{{ '{{ no }}' }}", []),
        ("{{ {'a': b}.a }}", ["b"]),
        ("{{ now() }} {{ range(n) }}", ["now", "n"]),
        ("{{ a.for.if }}", ["a.for.if"]),
        ("{{ (a).b }}", ["a"]),
        ("{{ é.x }}", ["é.x"]),
        ("{{ if.yes }} {{ if }}", ["if.yes", "if"]),
        ("{{ not }} {{ not not.x }} {{ not [a] }} {{ not (b) }}", ["not", "not.x", "a", "b"]),
        ("{{ in.x if if.yes else else.x }}", ["in.x", "if.yes", "else.x"]),
        ("{{ sum }} {{ sum(max) }}", ["sum", "max*"]),
    ],
)
def test_references_are_found_with_their_paths(source: str, expected: list[str]) -> None:
    found = compile(source).references
    assert [f"{reference}{'*' if reference.whole else ''}" for reference in found] == expected


@pytest.mark.parametrize(
    ("source", "position", "message"),
    [
        ("{{ a", 0, "never closed"),
        ("x {{ 1 + }}", 9, "ends too early"),
        ("{{ a b }}", 5, "not expected"),
        ("{{ a = 1 }}", 5, "Use “==” to compare"),
        ("{{ a && b }}", 5, "Use “and”"),
        ("{{ “a” }}", 3, "straight quotes"),
        ("{{ 'a }}", 3, "never closed"),
        ("{{ a|uper }}", 5, "Did you mean “upper”"),
        ("{{ lenght(a) }}", 3, "There is no function"),
        ("{{ tojson(a) }}", 3, "is a filter: write value|tojson"),
        ("{{ a is defind }}", 8, "Did you mean “defined”"),
        ("{{ a.clear() }}", 5, "There is no method “clear”"),
        ("{{ a.__class__.mro() }}", 15, "There is no method “mro”"),
        ("{{ a()() }}", 3, "There is no function “a”"),
        ("{% for x in y %}", 2, "Add “{% endfor %}”"),
        ("{% endif %}", 3, "closes nothing"),
        ("{% macro f() %}{% endmacro %}", 3, "cannot stand here"),
        ("{% include 'x' %}", 3, "cannot stand here"),
        ("{% set ns.x = 1 %}", 9, "Only whole names"),
        ("{% set _out = 1 %}", 7, "cannot name"),
        ("{{ f(*a) }}", 3, "no function"),
        ("{{ max(*a) }}", 7, "cannot be unpacked"),
        ("{{ namespace() }}", 3, "no function"),
        ("{{ " + "(" * 100 + "1" + ")" * 100 + " }}", 63, "nested too deeply"),
        ("{{ " + "-" * 100 + "1 }}", 63, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_to_do(source: str, position: int, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile(source)
    assert caught.value.position == position
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ ordr.id }}", "There is nothing named “ordr” here. Did you mean “order”?"),
        ("{{ order.totl * 2 }}", "“order.totl” is empty"),
        ("{{ order.id / 0 }}", "divides by zero"),
        ("{{ names + 1 }}", "cannot join"),
        ("{{ 'x'|fromjson }}", "is not JSON"),
        ("{{ 'x'|date }}", "is not a date"),
        ("{{ order.upper() }}", "A record has no method “upper”"),
        ("{{ order|join }}", "needs a list"),
        ("{{ 1e308 * 10 }}", "not a number"),
        ("{{ 10 ** 30 }}", "too large"),
        ("{{ order.id|round(1, 'up') }}", "common, floor and ceil"),
    ],
)
def test_what_fails_says_so_in_words(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        value(source)
    assert message in str(caught.value)


BOMBS = [
    "{{ 'a' * 10**9 }}",
    "{{ 10**9 * 'a' }}",
    "{{ ('a' * 1000) * 1000 * 1000 }}",
    "{{ [1] * 10**9 }}",
    "{{ range(10**9)|length }}",
    "{{ range(999999)|map('string')|join(big) }}",
    "{{ big|replace('a', big) }}",
    "{{ big.replace('', big) }}",
    "{{ big|indent(10**8) }}",
    "{{ [1]|batch(10**9)|length * big * big }}",
    "{{ big * big }}",
    "{{ range(100000)|map('replace', '1', big)|join }}",
    "{% for i in range(100000) %}{{ big }}{% endfor %}",
    "{% for i in range(100000) %}" + "x" * 1000 + "{% endfor %}",
    "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
    "{% set a = big ~ big %}" + "".join("{% set a = a ~ a %}" for _ in range(40)) + "{{ a|length }}",
    "{% set a = [1] %}" + "".join("{% set a = [a, a] %}" for _ in range(60)) + "{{ a }}",
    "".join(f"{{% for a{i} in [a{i - 1} ~ a{i - 1}] %}}" if i else "{% for a0 in [big] %}" for i in range(18))
    + "{% endfor %}" * 18,
    "{% for r in many %}{{ many|sort|length }}{% endfor %}",
    "{{ big|format(1) }}",
    "{{ [1]|slice(10**9) }}",
    "{{ [1]|map('slice', 10**9)|list }}",
    "{{ ['%1000000000d']|map('format', 1)|list }}",
]


@pytest.mark.parametrize("source", BOMBS)
def test_bombs_are_stopped(source: str) -> None:
    many = [str(n) for n in range(20_000)]
    with pytest.raises(TemplateError):
        compile(source).evaluate({"big": "a" * 200_000, "many": many})


ATOMS = st.sampled_from(["d", "l", "d.a", "l[0]", "1", "'x'", "none", "d['b c']", "l.n", "true", "nope.x"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(
            lambda a, op, b: f"{a} {op} {b}",
            inner,
            st.sampled_from(["+", "-", "*", "/", "~", "==", "<", "in", "and", "or", "**", "%", "//", "is divisibleby"]),
            inner,
        ),
        st.builds(lambda a: f"({a})", inner),
        st.builds(
            lambda a, f: f"{a}|{f}", inner, st.sampled_from(["length", "upper", "list", "sort", "tojson", "first"])
        ),
        st.builds(lambda a, b: f"[{a}, {b}]", inner, inner),
        st.builds(lambda a, b: f"{{'k': {a}, 'm': {b}}}", inner, inner),
        st.builds(lambda a, b, c: f"{a} if {b} else {c}", inner, inner, inner),
        st.builds(lambda a: f"not {a}", inner),
        st.builds(
            lambda a, m: f"{a}.{m}()", inner, st.sampled_from(["items", "keys", "upper", "pop", "clear", "append"])
        ),
        st.builds(lambda a, k: f"{a}[{k}]", inner, inner),
    ),
    max_leaves=8,
)


def is_json(found: Any) -> bool:
    if isinstance(found, dict):
        return all(type(key) is str and is_json(inner) for key, inner in found.items())
    if isinstance(found, list):
        return all(map(is_json, found))
    return found is None or type(found) in (str, int, float, bool)


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS)
def test_any_expression_gives_json_or_an_error_and_changes_nothing(expression: str) -> None:
    scope = {"d": {"a": [1, {"x": 2}], "b c": "t"}, "l": [{"n": 1}, {"n": [2]}], "nope": None}
    before = copy.deepcopy(scope)
    for source in (
        f"{{{{ {expression} }}}}",
        f"a {{{{ {expression} }}}} b",
        f"{{% set v = {expression} %}}{{{{ v }}}}",
    ):
        try:
            result = compile(source).evaluate(scope)
        except TemplateError as error:
            assert 0 <= error.position <= len(source)
            assert error.message and str(error)
            assert str(pickle.loads(pickle.dumps(error))) == str(error)
        else:
            assert is_json(result)
        assert scope == before


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab{}%#|.[]()'\" 1+-*~,:=infor", max_size=40))
def test_any_text_is_a_template_or_an_error(source: str) -> None:
    try:
        compile(source).evaluate({"a": 1, "b": [1]})
    except TemplateError as error:
        assert 0 <= error.position <= len(source)


PATHS = st.lists(
    st.one_of(st.sampled_from(["a", "b c", "if", "é", "'q'", '"', "x\\y"]), st.integers(-3, 9)), max_size=4
)


@given(st.sampled_from(["n", "node_1"]), PATHS)
def test_a_written_reference_is_read_as_it_was_meant(node: str, path: list[str | int]) -> None:
    template = compile(write(node, path))
    assert template.kind == "reference"
    assert template.references == (Reference(node, tuple(path)),)


def test_renaming_touches_references_only() -> None:
    source = "a {{ a.a + b['a'] }} {% for a in a.x %}{{ a }}{% endfor %}{{ 'a' ~ a }}"
    assert rename(source, {"a": "z"}) == "a {{ z.a + b['a'] }} {% for a in z.x %}{{ a }}{% endfor %}{{ 'a' ~ z }}"
    assert rename("{{ a + }}", {"a": "z"}) == "{{ a + }}"


def test_random_is_the_same_for_the_same_seed_and_place() -> None:
    both = "{{ random() }} {{ random() }}"
    first = value(both)
    assert first == value(both)
    one, two = first.split()
    assert one != two
    assert first != value(both, random="another")
    assert 0 <= float(one) < 1


def test_paths_project_through_lists() -> None:
    rows = [{"a": [{"b": 1}, {"b": 2}]}, {"a": []}, {}]
    assert walk(rows, ("a", "b")) == [[1, 2], [], None]
    assert walk(rows, (0, "a", 1, "b")) == 2


def test_a_template_too_long_is_refused() -> None:
    with pytest.raises(TemplateError, match="more than"):
        compile("{{ a }}" + "x" * 300_000)


class Counted(LongList):
    """A million numbers of which is counted how many were read."""

    def __init__(self, length: int = 1_000_000) -> None:
        self.length, self.read_so_far = length, 0

    def __len__(self) -> int:
        return self.length

    def read(self, start: int, stop: int) -> list[Any]:
        self.read_so_far += stop - start
        return [{"n": number} for number in range(start, stop)]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ rows | length }}", 1_000_000),
        ("{{ len(rows) * 2 }}", 2_000_000),
        ("{{ rows.n | sum }}", 499_999_500_000),
        ("{{ sum(rows.n) }}", 499_999_500_000),
        ("{{ rows.n | max }}", 999_999),
        ("{{ min(rows.n) }}", 0),
        ("{{ rows.n | average }}", 499_999.5),
        ("{{ (rows | first).n + (rows | last).n }}", 999_999),
        ("{{ rows[5].n }}", 5),
        ("{{ rows.n | last }}", 999_999),
        ("of {{ rows | length }}", "of 1000000"),
        ("{% if rows | length > 5 %}many{% endif %}", "many"),
        ("{{ rows[10:12].n if rows else 0 }}", None),
    ],
)
def test_a_list_of_any_length_can_be_reduced(source: str, value: Any) -> None:
    found = compile(source).evaluate({"rows": Counted()})
    assert value is None or found == value


@pytest.mark.parametrize(
    "source",
    [
        "{{ rows | map(attribute='n') | list }}",
        "{{ rows.n | sort }}",
        "all: {{ rows }}",
        "{{ rows | tojson }}",
        "{% for row in rows %}{{ row.n }}{% endfor %}",
        "{{ rows | join(',') }}",
    ],
)
def test_what_needs_a_long_list_as_a_whole_is_refused_in_words(source: str) -> None:
    rows = Counted()
    with pytest.raises(TemplateError, match="1,000,000 items") as refused:
        compile(source).evaluate({"rows": rows})
    assert "100,000" in refused.value.message
    assert rows.read_so_far <= 110_000


def test_a_list_of_some_length_is_read_as_a_whole() -> None:
    assert compile("{{ rows.n | map('string') | list }}").evaluate({"rows": Counted(3)}) == ["0", "1", "2"]
    rows = Counted(5)
    assert compile("{{ rows }}").evaluate({"rows": rows}) is rows
    assert compile("{{ rows if rows else [] }}").evaluate({"rows": rows}) is rows
    assert compile('{{ {"all": rows} }}').evaluate({"rows": rows})["all"] is rows
    assert compile("{{ rows.n }}").evaluate({"rows": rows}) == [0, 1, 2, 3, 4]

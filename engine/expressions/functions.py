"""What a template may use: the filters, tests, functions and methods, and which of them take a list whole.

Everything else that MiniJinja knows is refused while a template is compiled.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from slugify import slugify

from engine.expressions import dates, filters, guards, values
from engine.expressions.filters import all_of, of_text

OWN_FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add_time": dates.add_time,
        "average": filters.average,
        "base64": filters.to_base64,
        "batch": filters.batch,
        "count": filters.length,
        "d": filters.default,
        "date": dates.date,
        "days_until": dates.days_until,
        "default": filters.default,
        "flatten": filters.flatten,
        "float": filters.to_float,
        "fromjson": values.from_json,
        "get": filters.get,
        "hash": filters.digest,
        "indent": filters.indent,
        "int": filters.to_int,
        "items": filters.items,
        "join": filters.join,
        "keys": filters.keys,
        "length": filters.length,
        "number": filters.number,
        "percent": filters.percent,
        "replace": filters.replace,
        "round": filters.round_,
        "slug": of_text(slugify),
        "string": values.to_text,
        "text": values.to_text,
        "timestamp": dates.timestamp,
        "tojson": values.to_json,
        "truncate": filters.truncate,
        "unbase64": filters.from_base64,
        "values": filters.values,
        "words": filters.words,
        "wordcount": filters.words,
        "escape": of_text(html.escape),
    }
)
HIDDEN_FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"join_with": filters.join_with, "_random": filters.random_at}
)
ENGINE_FILTERS = frozenset(
    {
        "abs", "bool", "capitalize", "dictsort", "first", "groupby", "last", "lines", "list", "lower", "map", "max",
        "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "split", "striptags", "sum", "title",
        "trim", "unique", "upper", "urlencode", "zip",
    }
)  # fmt: skip
FILTERS = frozenset(OWN_FILTERS) | ENGINE_FILTERS
WHOLE_FILTERS = frozenset(
    {
        "average", "batch", "count", "first", "flatten", "groupby", "join", "last", "length", "list", "map", "max",
        "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "sum", "tojson", "unique", "zip",
    }
)  # fmt: skip
THROUGH_FILTERS = frozenset({"default", "d"})
TESTS = frozenset(
    {
        "boolean", "defined", "divisibleby", "endingwith", "eq", "equalto", "even", "false", "float", "ge", "gt", "in",
        "integer", "iterable", "le", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sequence",
        "startingwith", "string", "true", "undefined", "upper",
    }
)  # fmt: skip
WHOLE_TESTS = frozenset({"iterable", "sequence"})
OWN_FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"range": filters.range_, "len": filters.length, "max": all_of(max), "min": all_of(min), "sum": all_of(sum)}
)
HIDDEN_FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"_times": guards.times, "_sized": guards.sized, "_timed": guards.timed, "_weighed": guards.weighed}
)
FUNCTIONS = frozenset(OWN_FUNCTIONS) | {"now", "random", "dict"}
WHOLE_FUNCTIONS = frozenset({"len", "max", "min", "sum"})

# Methods that change nothing. A name on the right: the filter that does it in the method's place, under a guard.
METHODS: Mapping[str, str] = MappingProxyType(
    {
        "capitalize": "", "count": "", "endswith": "", "find": "", "isalnum": "", "isalpha": "", "isascii": "",
        "isdigit": "", "islower": "", "isnumeric": "", "isupper": "", "lower": "", "lstrip": "", "rfind": "",
        "rstrip": "", "split": "", "splitlines": "", "startswith": "", "strip": "", "title": "", "upper": "",
        "get": "get", "items": "items", "join": "join_with", "keys": "keys", "replace": "replace", "values": "values",
    }
)  # fmt: skip

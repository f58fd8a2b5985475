"""What happens to values on their way: fields, rows, texts, dates."""

from integrations.core.data.article import read_page
from integrations.core.data.calculate import calculate
from integrations.core.data.compare import compare_lists, compare_values
from integrations.core.data.date_list import date_list
from integrations.core.data.dates import dates
from integrations.core.data.encode import encode
from integrations.core.data.fields import set_fields, split_out
from integrations.core.data.group import group
from integrations.core.data.html import build_html, extract_html
from integrations.core.data.joining import join_texts, split_text
from integrations.core.data.json_path import json_path
from integrations.core.data.lists import aggregate, chunk, flatten, number_range
from integrations.core.data.markdown import html_to_markdown, markdown_to_html
from integrations.core.data.nesting import flatten_fields
from integrations.core.data.numbers import change_number
from integrations.core.data.pivot import pivot, unpivot
from integrations.core.data.random_values import make_id, random_value
from integrations.core.data.regex import regex
from integrations.core.data.rows import filter_rows, limit, sort, unique
from integrations.core.data.similarity import closest, similarity
from integrations.core.data.statistics import statistics
from integrations.core.data.text import build_json, parse_json, template
from integrations.core.data.validate import validate
from integrations.core.data.words import change_text
from integrations.core.data.xml import build_xml, parse_xml
from integrations.core.data.yaml import build_yaml, parse_yaml

FIELDS = (set_fields, flatten_fields, json_path, validate, compare_values)
LISTS = (
    filter_rows, sort, limit, unique, group, split_out, aggregate, chunk, flatten, number_range, pivot, unpivot,
    compare_lists,
)  # fmt: skip
TEXTS = (
    template, change_text, split_text, join_texts, regex, similarity, closest, parse_json, build_json, parse_xml,
    build_xml, parse_yaml, build_yaml, extract_html, read_page, build_html, markdown_to_html, html_to_markdown, encode,
)  # fmt: skip

NUMBERS = (dates, date_list, change_number, calculate, statistics, make_id, random_value)

NODES = (*FIELDS, *LISTS, *TEXTS, *NUMBERS)

"""What happens to values on their way: fields, rows, texts, dates."""

from integrations.core.data.compare import compare_lists, compare_values
from integrations.core.data.dates import dates
from integrations.core.data.fields import set_fields, split_out
from integrations.core.data.group import group
from integrations.core.data.lists import aggregate, chunk, flatten, number_range
from integrations.core.data.pivot import pivot, unpivot
from integrations.core.data.rows import filter_rows, limit, sort, unique
from integrations.core.data.text import build_json, parse_json, template

FIELDS = (set_fields, compare_values)
LISTS = (
    filter_rows, sort, limit, unique, group, split_out, aggregate, chunk, flatten, number_range, pivot, unpivot,
    compare_lists,
)  # fmt: skip
TEXTS = (template, parse_json, build_json)

NODES = (*FIELDS, *LISTS, *TEXTS, dates)

"""What happens to values on their way: fields, rows, texts, dates."""

from integrations.core.data.dates import dates
from integrations.core.data.fields import set_fields, split_out
from integrations.core.data.group import group
from integrations.core.data.rows import filter_rows, limit, sort, unique
from integrations.core.data.text import build_json, parse_json, template

NODES = (set_fields, filter_rows, sort, limit, unique, group, split_out, template, parse_json, build_json, dates)

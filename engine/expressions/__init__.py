"""Templates: `{{ … }}` in a field, compiled once, evaluated in a sandbox.

>>> compile("{{ order.total * 2 }}").evaluate({"order": {"total": 21}})
42
>>> compile("Hello {{ who }}").evaluate({"who": "Ada"})
'Hello Ada'
"""

from engine.expressions.errors import TemplateError, did_you_mean
from engine.expressions.reading import Reference
from engine.expressions.renaming import redirect, rename, write
from engine.expressions.template import Scope, Template, compile, walk
from engine.expressions.values import to_text

__all__ = [
    "Reference",
    "Scope",
    "Template",
    "TemplateError",
    "compile",
    "did_you_mean",
    "redirect",
    "rename",
    "to_text",
    "walk",
    "write",
]

"""The controls of a node's form, as wrappers of ``forms.jsx``: each hands a finished value to the draft's queue."""

from typing import Any

import reflex as rx

SCRIPT = rx.asset("forms.jsx", shared=True)
for _part in ("forms.css", "field.jsx", "pairs.jsx", "rows.jsx", "template.jsx", "upload.jsx", "values.js"):
    rx.asset(_part, shared=True)


class _Control(rx.NoSSRComponent):
    library = SCRIPT.importable_path


class _Field(_Control):
    """A control of one field: ``path`` leads to it inside the node's settings."""

    node: rx.Var[str]
    path: rx.Var[list[str]]
    value: rx.Var[Any]
    input_id: rx.Var[str]
    invalid: rx.Var[bool]
    described_by: rx.Var[str]
    placeholder: rx.Var[str]


class TemplateField(_Field):
    """Text with ``{{ }}`` inside, or a badge where it is exactly one reference."""

    tag = "TemplateField"

    type: rx.Var[str]
    multiline: rx.Var[bool]
    mono: rx.Var[bool]
    literal: rx.Var[bool]
    rows: rx.Var[int]
    label: rx.Var[str]


class ChoiceField(_Field):
    """One of a few."""

    tag = "ChoiceField"

    options: rx.Var[list[dict[str, Any]]]
    required: rx.Var[bool]


class SwitchField(_Field):
    """Yes or no."""

    tag = "SwitchField"

    label: rx.Var[str]


class SuggestField(_Field):
    """A line of text with suggestions."""

    tag = "SuggestField"

    suggestions: rx.Var[list[list[str]]]
    mono: rx.Var[bool]


class ListField(_Field):
    """Several single values, one below the other."""

    tag = "ListField"

    add_label: rx.Var[str]


class RowsField(_Field):
    """A list of records."""

    tag = "RowsField"

    columns: rx.Var[list[dict[str, Any]]]
    add_label: rx.Var[str]


class PairsField(_Field):
    """Named values."""

    tag = "PairsField"

    add_label: rx.Var[str]


class FileField(_Field):
    """A stored file."""

    tag = "FileField"

    accept: rx.Var[str]


class NameField(_Control):
    """The node's label, edited in place."""

    tag = "NameField"

    node: rx.Var[str]
    value: rx.Var[str]
    input_id: rx.Var[str]


class OptionField(_Control):
    """An option of the node that is no field of its type."""

    tag = "OptionField"

    node: rx.Var[str]
    option: rx.Var[str]
    value: rx.Var[Any]
    kind: rx.Var[str]
    options: rx.Var[list[dict[str, Any]]]
    input_id: rx.Var[str]
    placeholder: rx.Var[str]


class RetryField(_Control):
    """How often a failed call is tried again, and after how long."""

    tag = "RetryField"

    node: rx.Var[str]
    value: rx.Var[dict[str, str]]
    input_id: rx.Var[str]


class Completions(_Control):
    """Renders nothing: the names that ``{{`` offers."""

    tag = "Completions"

    items: rx.Var[list[dict[str, str]]]


class DragValue(_Control):
    """A value that can be dragged into a setting."""

    tag = "DragValue"

    reference: rx.Var[str]
    label: rx.Var[str]
    detail: rx.Var[str]


completions = Completions.create
drag_value = DragValue.create
name_field = NameField.create
option_field = OptionField.create
retry_field = RetryField.create

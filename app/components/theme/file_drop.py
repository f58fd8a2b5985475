"""Uploading a file by REST, with progress."""

from typing import Any

import reflex as rx

_source = rx.asset("file_drop.jsx", shared=True)


class FileDrop(rx.Component):
    """``on_file`` receives the reference of the stored file: ``{"$file": …, "name": …, "size": …}``."""

    library = _source.importable_path
    tag = "FileDrop"

    action: rx.Var[str]
    accept: rx.Var[str]
    input_id: rx.Var[str]
    file_name: rx.Var[str]
    said: rx.Var[str]
    described_by: rx.Var[str]
    on_file: rx.EventHandler[rx.event.passthrough_event_spec(dict)]  # type: ignore[type-arg,valid-type]


def file_drop(**props: Any) -> rx.Component:
    """A field that takes one file by drop or by choosing; see ``FileDrop`` for its props."""
    return FileDrop.create(**props)

"""Choosing a text file whose text goes into a field."""

import reflex as rx

_source = rx.asset("file_text.jsx", shared=True)


class FileText(rx.Component):
    """``on_text`` receives the text and, if the file is too large, what is wrong instead."""

    library = _source.importable_path
    tag = "FileText"

    accept: rx.Var[str]
    label: rx.Var[str]
    max_bytes: rx.Var[int]
    on_text: rx.EventHandler[rx.event.passthrough_event_spec(str, str)]  # type: ignore[type-arg,valid-type]


def file_text(label: str, accept: str, on_text: object, max_bytes: int = 2_000_000) -> rx.Component:
    """A button that opens the file dialog."""
    return FileText.create(label=label, accept=accept, on_text=on_text, max_bytes=max_bytes)

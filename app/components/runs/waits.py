"""What a run waits for: a sentence, and the moment since when or until when."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.theme import moment


def waits_for(record: ObjectVar[Any]) -> rx.Component:
    """The words of ``waits``, ``waits_word`` and ``waits_at`` of a run's record; nothing where it does not wait."""
    when = rx.cond(
        record["waits_word"],
        rx.fragment(" ", record["waits_word"], " ", moment(record["waits_at"].to(int), "short")),
        rx.fragment(),
    )
    return rx.cond(record["waits"], rx.el.span(record["waits"], when, class_name="waits"), rx.fragment())

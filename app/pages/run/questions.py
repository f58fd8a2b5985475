"""The questions of a waiting run, above its steps."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.theme import button, notice
from app.pages.run.question_state import Questions


def asked() -> rx.Component:
    """One notice per question, with its three answers."""
    return rx.el.div(rx.foreach(Questions.open.to(list[dict[str, Any]]), _question), class_name="stack")


def _question(one: ObjectVar[Any]) -> rx.Component:
    key = one["id"].to(str)
    of_item = rx.cond(one["item"], rx.el.p("Item ", one["item"].to(str), class_name="hint"), rx.fragment())
    answers = rx.el.div(
        button("Do it again", kind="small", on_click=Questions.answer(key, "again")),
        button("It was done", kind="small", on_click=Questions.answer(key, "done")),
        button("Fail the step", kind="small", on_click=Questions.answer(key, "fail")),
        class_name="row wrap",
    )
    return notice(one["message"].to(str), of_item, answers, tone="wait")

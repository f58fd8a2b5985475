"""The dialog in which a workflow gets a budget."""

import reflex as rx

from app.components.theme import button, field, modal, text_input
from app.pages.workflows.budget_state import RunBudget


def budget_dialog() -> rx.Component:
    """What each run may spend, what all may spend a day, and how many run at once; an empty field is no limit."""
    form = rx.el.form(
        _number("seconds", "Seconds of work", "Waiting does not count", "1"),
        _number("steps", "Steps", "Calls of nodes; each item of a list counts", "1"),
        _number("money", "Dollars", "As the steps report what they cost", "any"),
        _number("per_day_money", "Dollars a day", "All runs together; over it they pause until the next day", "any"),
        rx.el.p(RunBudget.today, class_name="hint"),
        _number("runs_at_once", "Runs at once", "Further runs wait for their turn", "1"),
        id="budget",
        key=RunBudget.workflow_id,
        on_submit=RunBudget.save,
        class_name="stack",
    )
    return modal(
        f"Budget and limits of “{RunBudget.name}”",
        rx.el.p("A run that has used up its budget pauses and asks. An empty field is no limit.", class_name="muted"),
        form,
        open=RunBudget.workflow_id != "",
        on_close=RunBudget.show("", ""),
        foot=[
            button("Cancel", on_click=RunBudget.show("", "")),
            button("Save", kind="primary", type="submit", form="budget"),
        ],
    )


def _number(name: str, label: str, help: str, step: str) -> rx.Component:
    error = RunBudget.errors[name].to(str)
    control = text_input(
        f"budget-{name}",
        error=error,
        name=name,
        type="number",
        min=0,
        step=step,
        default_value=RunBudget.values[name],
        placeholder="No limit",
    )
    return field(label, control, id=f"budget-{name}", help=help, error=error)

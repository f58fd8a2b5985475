"""The section of the settings page that limits the whole workspace."""

import reflex as rx

from app.components.theme import field, text_input
from app.pages.settings.limits_state import WorkspaceBounds

ZONES = "time-zones"


def limits_form(may_edit: rx.Var[bool]) -> rx.Component:
    """Runs at once and dollars a day of all workflows together, and where the days begin."""
    return rx.el.form(
        _field("runs_at_once", "Runs at once", WorkspaceBounds.runs_at_once, "Further runs wait for their turn."),
        _field(
            "per_day_money",
            "Dollars a day",
            WorkspaceBounds.per_day_money,
            "A run that would spend more pauses until the next day, or until an owner decides.",
        ),
        _field("time_zone", "Days begin at midnight in", WorkspaceBounds.time_zone, "", list=ZONES),
        rx.el.datalist(rx.foreach(WorkspaceBounds.zones, lambda zone: rx.el.option(value=zone)), id=ZONES),
        rx.el.p(WorkspaceBounds.today, class_name="hint"),
        rx.el.button("Save limits", type="submit", class_name="btn", disabled=~may_edit),
        on_submit=WorkspaceBounds.save,
    )


def _field(name: str, label: str, value: str, help: str, **props: object) -> rx.Component:
    error = rx.Var.create(WorkspaceBounds.errors)[name].to(str)
    control = text_input(
        f"limit-{name}",
        error=error,
        name=name,
        default_value=value,
        placeholder="No limit",
        auto_complete="off",
        key=value,
        **props,
    )
    return field(label, control, id=f"limit-{name}", help=help, error=error)

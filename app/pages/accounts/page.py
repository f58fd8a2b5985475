"""The page ``/accounts``."""

from typing import Any

import reflex as rx
from reflex.vars import ObjectVar

from app.components.layout import page_header, shell
from app.components.theme import (
    button,
    card,
    confirm,
    empty_state,
    field,
    icon,
    icon_button,
    loading,
    modal,
    moment,
    notice,
    select,
)
from app.pages.accounts.limits_state import AccountLimits
from app.pages.accounts.state import Accounts, NewAccount


def _use(use: ObjectVar[Any]) -> rx.Component:
    return rx.el.a(use["name"], href=use["href"], class_name="chip")


def _call(call: ObjectVar[Any]) -> rx.Component:
    text = rx.fragment(rx.el.span(call["host"], class_name="mono"), ": ", call["says"])
    return rx.el.div(text, class_name=rx.cond(call["tone"], "hint bad", "hint"), key=call["host"])


def _row(item: ObjectVar[Any]) -> rx.Component:
    uses = item["uses"].to(list[dict[str, str]])
    used = rx.cond(
        uses,
        rx.el.div(rx.foreach(uses, _use), class_name="row wrap"),
        rx.el.span("No workflow uses it", class_name="hint"),
    )
    return rx.el.tr(
        rx.el.td(
            rx.el.div(
                rx.el.span(icon("key-round"), class_name="tile plain"),
                rx.el.div(
                    rx.el.b(item["name"], class_name="strong"),
                    rx.el.div(item["type"], class_name="hint"),
                    rx.cond(item["limits"], rx.el.div(item["limits"], class_name="hint"), rx.fragment()),
                    rx.foreach(item["calls"].to(list[dict[str, str]]), _call),
                    rx.el.div(used, class_name="narrow-line"),
                    class_name="grow",
                ),
                class_name="row",
            ),
            class_name="name",
        ),
        rx.el.td(used, class_name="wide-only"),
        rx.el.td(rx.cond(item["used_at"], moment(item["used_at"].to(int)), "never"), class_name="muted wide-only"),
        rx.el.td(moment(item["created_at"].to(int)), class_name="muted wide-only"),
        rx.el.td(
            icon_button("gauge", f"Limits of {item['name']}", on_click=AccountLimits.ask(item["id"].to(str))),
            icon_button("trash-2", f"Delete {item['name']}", on_click=Accounts.ask(item["id"].to(str))),
            class_name="end",
        ),
        key=item["id"],
    )


def _table() -> rx.Component:
    heads = ("Account", ""), ("Used by", "wide-only"), ("Last used", "wide-only"), ("Added", "wide-only")
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                *[rx.el.th(word, scope="col", class_name=style) for word, style in heads],
                rx.el.th(rx.el.span("Actions", class_name="sr-only"), scope="col"),
            )
        ),
        rx.el.tbody(rx.foreach(Accounts.rows, _row)),
        class_name="table",
        aria_label="Accounts",
    )


def _field(one: ObjectVar[Any]) -> rx.Component:
    at = f"account-{one['name']}"
    control = rx.el.input(
        id=at,
        name=one["name"],
        type=one["type"],
        required=one["required"].to(bool),
        default_value=one["value"],
        auto_complete="off",
        class_name="input",
    )
    help_text = rx.el.span(one["help"], class_name="hint help")
    label = rx.el.label(
        one["label"], rx.cond(one["required"], "", rx.el.span("optional", class_name="hint")), html_for=at
    )
    return rx.el.div(label, control, help_text, class_name="field", key=f"{NewAccount.type_id}-{one['name']}")


def _limit(name: str, label: str, help_text: str) -> rx.Component:
    control = rx.el.input(
        id=name,
        name=name,
        input_mode="decimal",
        default_value=AccountLimits.account[name],
        placeholder=AccountLimits.account[f"usual_{name}"],
        auto_complete="off",
        class_name="input",
        key=f"{AccountLimits.account['id']}-{name}",
    )
    return field(label, control, id=name, help=help_text)


def _limits() -> rx.Component:
    form = rx.el.form(
        rx.cond(AccountLimits.error, notice(AccountLimits.error, tone="bad"), rx.fragment()),
        rx.el.p(
            "They hold for all runs together. Left empty: as usual for this kind of account; 0 is no limit.",
            class_name="hint",
        ),
        _limit("per_second", "Calls a second", "A run whose turn is far off sleeps until then."),
        _limit("burst", "Together", "How many of a second's calls may come at the same moment."),
        _limit("per_minute", "Calls a minute", "Holds in every minute, beside the calls a second."),
        _limit("at_once", "At once", "How many calls may be under way at the same time."),
        id="account-limits",
        on_submit=AccountLimits.save,
    )
    return modal(
        f"Limits of “{AccountLimits.account['name']}”",
        form,
        open=AccountLimits.account["id"] != "",
        on_close=AccountLimits.ask(""),
        foot=[
            button("Cancel", on_click=AccountLimits.ask("")),
            rx.el.button("Save", type="submit", form="account-limits", class_name="btn primary"),
        ],
    )


def _new() -> rx.Component:
    form = rx.el.form(
        rx.cond(NewAccount.error, notice(NewAccount.error, tone="bad"), rx.fragment()),
        field(
            "Kind of account",
            select("account-type", NewAccount.types, value=NewAccount.type_id, on_change=NewAccount.choose),
            id="account-type",
            help=NewAccount.about,
        ),
        field(
            "Name",
            rx.el.input(
                id="account_name",
                name="account_name",
                required=True,
                max_length=120,
                class_name="input",
                placeholder="Orders API",
                auto_complete="off",
            ),
            id="account_name",
            help="How you find it in a node's settings.",
        ),
        rx.foreach(NewAccount.fields, _field),
        id="new-account",
        on_submit=NewAccount.add,
    )
    return modal(
        "Add an account",
        form,
        open=NewAccount.open,
        on_close=NewAccount.show(False),
        foot=[
            button("Cancel", on_click=NewAccount.show(False)),
            rx.el.button("Add account", type="submit", form="new-account", class_name="btn primary"),
        ],
    )


@rx.page(route="/accounts", title="Accounts · Weft", on_load=[Accounts.load, AccountLimits.ask("")])
def accounts() -> rx.Component:
    """Every account of the workspace and the workflows that use it."""
    add = button("Add account", kind="primary", icon_name="plus", on_click=NewAccount.show(True))
    nothing = empty_state(
        "key-round",
        "No accounts yet",
        "An account holds what another service asks for: a token, a password, an API key. It is encrypted and never "
        "shown again; nodes such as HTTP request use it by its name.",
        button("Add account", kind="primary", icon_name="plus", on_click=NewAccount.show(True)),
    )
    return shell(
        page_header(
            "Accounts",
            add,
            under="What nodes sign in with. Secrets are encrypted; nobody can read them again, not even you.",
        ),
        loading(Accounts.ready, card(rx.cond(Accounts.rows, _table(), nothing), class_name="clip")),
        _new(),
        _limits(),
        confirm(
            "Delete this account?",
            f"“{Accounts.asked['name']}”: {Accounts.asked['uses']}",
            open=Accounts.asked["id"] != "",
            on_close=Accounts.ask(""),
            on_confirm=Accounts.delete,
            action="Delete",
        ),
        active="accounts",
    )

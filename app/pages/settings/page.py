"""The page ``/settings``."""

from typing import Any

import reflex as rx
from reflex.style import set_color_mode
from reflex.vars import ObjectVar

from app.components.layout import page_header, shell
from app.components.theme import button, card, chip, confirm, field, icon, link_button, moment, rest_form, skeleton_rows
from app.components.theme.rest_form import RestField
from app.components.theme.sign_out import sign_out_button
from app.pages.settings.limits import limits_form
from app.pages.settings.limits_state import WorkspaceBounds
from app.pages.settings.state import Keys, Profile, System

PASSWORD: list[RestField] = [
    {"name": "old", "label": "Current password", "type": "password", "autocomplete": "current-password"},
    {
        "name": "new",
        "label": "New password",
        "type": "password",
        "autocomplete": "new-password",
        "minlength": 10,
        "help": "At least 10 characters. Every other browser is signed out.",
    },
]
LOOKS = (("system", "As the device", "monitor"), ("light", "Light", "sun"), ("dark", "Dark", "moon"))


def _section(key: str, title: str, text: str, *children: rx.Component) -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2(title, id=f"{key}-title"), rx.el.p(text, class_name="hint"), class_name="about"),
        rx.el.div(*children, class_name="grow"),
        class_name="card pad settings-section",
        id=f"{key}-section",
        aria_labelledby=f"{key}-title",
    )


def _input(name: str, value: rx.Var[str], kind: str, autocomplete: str) -> rx.Component:
    wrong = Profile.error["field"] == name
    return rx.el.input(
        id=name,
        name=name,
        type=kind,
        default_value=value,
        required=True,
        max_length=254,
        auto_complete=autocomplete,
        class_name="input",
        aria_invalid=rx.cond(wrong, "true", "false"),
        key=value,
    )


def _error(name: str) -> rx.Var[str]:
    return rx.cond(Profile.error["field"] == name, Profile.error["message"], "")


def _profile() -> rx.Component:
    return _section(
        "profile",
        "Profile",
        "Your name, and the e-mail address that you sign in with.",
        rx.el.form(
            field("Name", _input("name", Profile.name, "text", "name"), id="name", error=_error("name")),
            field("E-mail", _input("email", Profile.email, "email", "username"), id="email", error=_error("email")),
            rx.el.button("Save", type="submit", class_name="btn primary"),
            on_submit=Profile.save,
        ),
    )


def _password() -> rx.Component:
    return _section(
        "password",
        "Password",
        "Nobody can read it, not even whoever runs this installation.",
        rest_form(
            "/api/v1/me/password",
            PASSWORD,
            method="PUT",
            submit="Change password",
            busy="Changing …",
            done="Your password is changed. Other browsers are signed out.",
        ),
    )


def _workspace() -> rx.Component:
    return _section(
        "workspace",
        "Workspace",
        "What your team sees. Webhook addresses stay as they are.",
        rx.el.form(
            field(
                "Name",
                _input("workspace", Profile.workspace, "text", "organization"),
                id="workspace",
                error=_error("workspace"),
            ),
            rx.el.button("Rename", type="submit", class_name="btn", disabled=~Profile.owner),
            on_submit=Profile.rename,
        ),
    )


def _limits() -> rx.Component:
    return _section(
        "limits",
        "Limits",
        "For all workflows together. Each workflow has its own in its menu; an empty field is no limit.",
        limits_form(Profile.owner),
    )


def _look(value: str, word: str, icon_name: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="appearance",
            value=value,
            default_checked=Profile.appearance == value,
            key=f"{value}-{Profile.appearance}",
            on_change=[set_color_mode(value), Profile.choose(value)],
        ),
        icon(icon_name),
        word,
    )


def _appearance() -> rx.Component:
    return _section(
        "appearance",
        "Appearance",
        "At once in this browser, and in the next one that you sign in with.",
        rx.el.fieldset(
            rx.el.legend("Appearance", class_name="sr-only"), *[_look(*look) for look in LOOKS], class_name="segmented"
        ),
    )


def _key(item: ObjectVar[Any]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.b(item["name"], class_name="strong"),
            rx.el.div(
                rx.el.span(item["prefix"], class_name="mono"),
                " · last used ",
                rx.cond(item["used_at"], moment(item["used_at"].to(int)), "never"),
                class_name="hint",
            ),
            class_name="grow",
        ),
        chip(item["role"]),
        button("Revoke", kind="small danger", on_click=Keys.ask(item["id"].to(str), item["name"].to(str))),
        class_name="item",
        key=item["id"],
    )


def _fresh_key() -> rx.Component:
    return rx.el.div(
        icon("key-round"),
        rx.el.div(
            rx.el.b("This is your key. It is shown only now."),
            rx.el.code(Keys.fresh, class_name="mono fresh-key", id="fresh-key"),
            rx.el.div(
                button("Copy", icon_name="copy", kind="small", on_click=rx.set_clipboard(Keys.fresh)),
                button("I have stored it", kind="small", on_click=Keys.copied),
                class_name="row",
            ),
        ),
        class_name="notice ok",
        role="status",
    )


def _keys() -> rx.Component:
    form = rx.el.form(
        field(
            "Name of a new key",
            rx.el.input(
                id="key_name",
                name="key_name",
                class_name="input",
                max_length=120,
                required=True,
                placeholder="Nightly import",
                auto_complete="off",
            ),
            id="key_name",
            help="Say where it is used, so that you know what stops when you revoke it.",
            error=Keys.error,
        ),
        rx.el.button("Create key", type="submit", class_name="btn"),
        on_submit=Keys.create,
        reset_on_submit=True,
    )
    return _section(
        "keys",
        "API keys",
        "For programs that start runs of this workspace and read their results.",
        rx.cond(Keys.fresh, _fresh_key(), rx.fragment()),
        rx.cond(Keys.rows, rx.el.ul(rx.foreach(Keys.rows, _key), class_name="list keys"), rx.fragment()),
        form,
        rx.el.p(
            "How to use it: ",
            rx.el.a("API reference", href="/api/docs", class_name="link", reload_document=True),
            class_name="hint after",
        ),
    )


def _fact(fact: ObjectVar[Any]) -> rx.Component:
    mark = rx.cond(
        fact["well"],
        chip("OK", tone="ok", icon_name="check"),
        chip("Needs a look", tone="bad", icon_name="triangle-alert"),
    )
    return rx.el.li(
        rx.el.span(fact["subject"], class_name="strong subject"),
        rx.el.span(fact["said"], class_name="muted grow"),
        mark,
        class_name="item",
        key=fact["subject"],
    )


def _system() -> rx.Component:
    return _section(
        "system",
        "System",
        "How this installation is just now.",
        rx.el.ul(rx.foreach(System.facts, _fact), class_name="list facts-list"),
        rx.el.div(
            button("Check again", kind="small", icon_name="refresh-cw", on_click=System.load),
            link_button("Open the System page", "/system", kind="small", icon_name="activity"),
            class_name="row wrap",
        ),
    )


@rx.page(
    route="/settings", title="Settings · Weft", on_load=[Profile.load, WorkspaceBounds.load, Keys.load, System.load]
)
def settings() -> rx.Component:
    """Everything on one page, in sections."""
    sections = rx.fragment(_profile(), _password(), _appearance(), _workspace(), _limits(), _keys(), _system())
    return shell(
        page_header("Settings", sign_out_button()),
        rx.cond(Profile.ready, sections, card(skeleton_rows(8))),
        confirm(
            "Revoke this key?",
            f"“{Keys.asked['name']}” stops working at once, everywhere. It cannot be brought back.",
            open=Keys.asked["id"] != "",
            on_close=Keys.ask("", ""),
            on_confirm=Keys.revoke,
            action="Revoke",
        ),
        active="settings",
        page_class="page narrow",
    )

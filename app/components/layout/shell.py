"""The frame of the pages: a rail (words from 1280 px on, icons below and in the editor), a bar on phones."""

import reflex as rx
from reflex_components_core.el.elements.inline import A

from app.components.theme.icons import icon, logo, tile

Text = str | rx.Var[str]

# key, icon, word, address
PLACES = (
    ("home", "house", "Home", "/"),
    ("workflows", "workflow", "Workflows", "/workflows"),
    ("runs", "play", "Runs", "/runs"),
    ("templates", "layout-template", "Templates", "/templates"),
    ("accounts", "key-round", "Accounts", "/accounts"),
)
SETTINGS = ("settings", "settings", "Settings", "/settings")
ON_PHONES = ("home", "workflows", "runs", "accounts", "settings")


def _place(key: str, icon_name: str, word: str, href: str, active: str) -> rx.Component:
    here = {"aria_current": "page"} if key == active else {}
    return rx.el.a(icon(icon_name), rx.el.span(word, class_name="word"), href=href, class_name="to", title=word, **here)


def rail(active: str) -> rx.Component:
    """The navigation at the left edge."""
    return rx.el.nav(
        rx.el.a(logo(), href="/", class_name="logo", aria_label="Home"),
        *[_place(*place, active) for place in PLACES],
        rx.el.span(class_name="spring"),
        _place(*SETTINGS, active),
        class_name="rail",
        aria_label="Main",
    )


def bottom_bar(active: str) -> rx.Component:
    """The navigation of phones."""
    places = [place for place in (*PLACES, SETTINGS) if place[0] in ON_PHONES]
    return rx.el.nav(
        *[_place(*place, active) for place in places],
        class_name="bottom-bar",
        aria_label="Main, at the bottom",
    )


def shell(*children: object, active: str, folded: bool = False, page_class: str = "page") -> rx.Component:
    """A signed-in page; ``folded`` keeps the rail narrow, ``page_class`` replaces the padding of ``page``."""
    return rx.el.div(
        A.create("Skip to the content", href="#content", class_name="skip"),  # the router would not move the focus
        rail(active),
        rx.el.main(*children, id="content", class_name=page_class, tab_index=-1),
        bottom_bar(active),
        class_name="shell folded" if folded else "shell",
    )


def page_header(
    title: Text, *actions: rx.Component, under: object = None, before: object = None, beside: object = None
) -> rx.Component:
    """The head: ``before`` the title (a crumb), ``beside`` it (chips), ``under`` it (facts), and actions."""
    return rx.el.header(
        rx.el.div(
            rx.el.div(
                *([before] if before is not None else []),
                rx.el.h1(title),
                *([beside] if beside is not None else []),
                class_name="row",
            ),
            rx.el.span(under, class_name="muted") if under is not None else rx.fragment(),
            class_name="titles",
        ),
        rx.el.div(*actions, class_name="actions") if actions else rx.fragment(),
        class_name="page-head",
    )


def public_frame(*children: object, class_name: str = "") -> rx.Component:
    """A page without navigation: sign-in, first start, published forms."""
    return rx.el.main(*children, id="content", class_name=f"public {class_name}".strip(), tab_index=-1)


def sign_card(title: str, text: str, form: rx.Component) -> rx.Component:
    """The page around a sign-in form: the mark, a title, the form, and a quiet picture beside it."""
    return public_frame(
        rx.el.div(
            rx.el.div(logo(40), class_name="mark"),
            rx.el.h1(title),
            rx.el.p(text, class_name="muted"),
            form,
            class_name="sign",
        ),
        rx.el.div(_weave(), class_name="picture", custom_attrs={"aria-hidden": "true"}),
        class_name="split",
    )


def _weave() -> rx.Component:
    """A small drawing of a workflow: four nodes and the wires between them."""
    nodes = (("file-spreadsheet", "data", "a"), ("sparkles", "ai", "b"), ("split", "flow", "c"), ("table", "app", "d"))
    wires = ("M90 150 C150 150 150 80 210 80", "M238 80 C300 80 300 150 360 150", "M388 150 C440 150 440 220 490 220")
    return rx.el.div(
        rx.el.svg(*[rx.el.path(d=wire) for wire in wires], view_box="0 0 580 300", class_name="wires"),
        *[rx.el.span(tile(icon_name, kind), class_name=f"at-{place}") for icon_name, kind, place in nodes],
        class_name="weave",
    )

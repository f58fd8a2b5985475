"""The composition root: one ASGI app of pages, REST, webhooks and live updates. Importing it registers every page."""

import reflex as rx

from app.components.layout import connection_watch, menu_script
from app.components.theme import STYLESHEETS
from app.live import follow
from app.pages import accounts, editor, form, home, login, run, runs, settings, templates, welcome, workflows

# Each registers its route when it is imported.
PAGES = (welcome, login, home, workflows, editor, runs, run, accounts, settings, templates, form)

HEAD = [
    rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
    rx.el.link(
        rel="preload",
        href="/fonts/inter-latin.woff2",
        type="font/woff2",
        cross_origin="anonymous",
        custom_attrs={"as": "font"},
    ),
    menu_script(),
]

app = rx.App(
    stylesheets=list(STYLESHEETS),
    reset_style=False,
    head_components=HEAD,
    html_lang="en",
    toaster=rx.toast.provider(position="bottom-right", rich_colors=False, expand=False, close_button=True),
)
app.register_lifespan_task(follow(app))
app.app_wraps[5, "Overlay"] = lambda _stateful: connection_watch()

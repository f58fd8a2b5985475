"""The composition root: one ASGI app of pages, REST, webhooks and live updates. Importing it registers every page."""

import reflex as rx
import structlog
from reflex.event import EventSpec

from app.api.main import api, running
from app.components.layout import connection_watch, menu_script
from app.components.theme import STYLESHEETS
from app.live import follow
from app.pages import (
    accounts,
    editor,
    form,
    home,
    login,
    missing,
    run,
    runs,
    settings,
    system,
    templates,
    values,
    welcome,
    workflows,
)
from app.services.errors import DatabaseUnavailable, StoreUnavailable

# Each registers its route when it is imported.
PAGES = (
    welcome,
    login,
    home,
    workflows,
    values,
    editor,
    runs,
    run,
    accounts,
    settings,
    system,
    templates,
    form,
    missing,
)

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

log = structlog.get_logger()


def say_fault(exception: Exception) -> EventSpec:
    """What a person reads when a handler fails in a way that nobody foresaw; the log has the rest."""
    if isinstance(exception, DatabaseUnavailable | StoreUnavailable):
        log.warning("page.store_away", error=str(exception), cause=getattr(exception, "cause", ""))
        return rx.toast.error("This did not work", description=exception.told, id="fault")
    log.error("page.handler_failed", exc_info=exception)
    return rx.toast.error(
        "This did not work",
        description="Weft made a mistake; nothing you entered is lost on the server. Reload the page and try again.",
        id="fault",
    )


app = rx.App(
    stylesheets=list(STYLESHEETS),
    reset_style=False,
    head_components=HEAD,
    html_lang="en",
    api_transformer=[api],
    backend_exception_handler=say_fault,
    toaster=rx.toast.provider(position="bottom-right", rich_colors=False, expand=False, close_button=True),
)
app.register_lifespan_task(running)
app.register_lifespan_task(follow(app))
app.app_wraps[5, "Overlay"] = lambda _stateful: connection_watch()

"""Reflex's settings; everything that an operator sets is in engine/settings.py."""

import reflex as rx

from engine.settings import settings

_settings = settings()

config = rx.Config(
    app_name="app",
    frontend_port=_settings.port,
    backend_port=_settings.port,
    api_url=_settings.public_url,
    deploy_url=_settings.public_url,
    backend_host=_settings.host,
    # Empty switches Socket.IO's own check off, which knows one address only, and allows no other site to
    # read our API. app/serving.py compares each Origin with the Host that was asked for.
    cors_allowed_origins=[],
    # One server process; what must outlive it is in the database.
    state_manager_mode=rx.constants.StateManagerMode.MEMORY,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    plugins=[],
    disable_plugins=[rx.plugins.SitemapPlugin],
)

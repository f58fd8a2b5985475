"""Settings: profile, password, workspace, API keys, appearance, and how the installation is."""

from app.pages.settings import page

__all__ = ["page"]

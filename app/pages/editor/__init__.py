"""The editor: a workflow drawn, run and watched."""

from app.pages.editor import page

__all__ = ["page"]

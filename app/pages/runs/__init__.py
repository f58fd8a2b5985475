"""All runs, newest first, as they happen."""

from app.pages.runs import page

__all__ = ["page"]

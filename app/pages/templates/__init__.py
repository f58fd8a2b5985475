"""Templates: workflows that work, to start from."""

from app.pages.templates import page

__all__ = ["page"]

"""Home: what needs you, what failed, what runs, and where to start."""

from app.pages.home import page

__all__ = ["page"]

"""The first start: who owns this Weft, then straight into the editor."""

from app.pages.welcome import page

__all__ = ["page"]

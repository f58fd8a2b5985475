"""What stands at an address that does not exist."""

from app.pages.missing import page

__all__ = ["page"]

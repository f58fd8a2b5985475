"""Sign-in and sign-out."""

from app.pages.login import page

__all__ = ["page"]

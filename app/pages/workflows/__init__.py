"""All workflows: find, make, copy, delete, bring back."""

from app.pages.workflows import page

__all__ = ["page"]

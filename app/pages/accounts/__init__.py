"""Accounts of other services that nodes use: sealed when stored, never shown again."""

from app.pages.accounts import page

__all__ = ["page"]

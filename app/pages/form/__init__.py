"""A published form: anybody with its address fills it in and gets the result. No sign-in."""

from app.pages.form import page

__all__ = ["page"]

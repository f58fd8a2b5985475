"""One run: what happens in it, what went through each step, what came out, and what went wrong."""

from app.pages.run import page

__all__ = ["page"]

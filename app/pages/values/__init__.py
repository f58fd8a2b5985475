"""What a workflow remembers from run to run."""

from app.pages.values import page

__all__ = ["page"]

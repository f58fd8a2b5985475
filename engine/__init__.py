"""Runs workflows. Knows no screen, no web framework."""

__version__ = "0.1.0"

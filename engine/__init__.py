"""Runs workflows. Knows no screen, no web framework."""

"""Nodes that understand text, with a small model that runs on this machine."""

from integrations.core.ai.categorize import categorize

NODES = (categorize,)

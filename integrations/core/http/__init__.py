"""Calls to services on the web."""

from integrations.core.http.accounts import CREDENTIALS
from integrations.core.http.request import request

NODES = (request,)

__all__ = ["CREDENTIALS", "NODES"]

"""Makes the lab's nodes known to this process and to the processes that it starts."""

from pathlib import Path

import pytest

import integrations
from engine.catalog import catalog
from engine.settings import settings

FOLDER = Path(__file__).parent / "integrations"


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the test ends."""
    monkeypatch.setattr(integrations, "__path__", list(integrations.__path__))
    monkeypatch.setenv("WEFT_INTEGRATIONS", str(FOLDER))
    settings.cache_clear()
    catalog.cache_clear()

"""Fixtures of the engine's tests."""

from __future__ import annotations

from typing import Any

import pytest

from engine.settings import settings
from tests.shelves import BucketShelf, FolderShelf, Shelf


@pytest.fixture(params=["folder", "bucket"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    """Each of the two in turn; it is also what the settings name."""
    if request.param == "folder":
        return FolderShelf(settings().home)
    server: Any = request.getfixturevalue("s3_server")
    return BucketShelf(server, request.getfixturevalue("bucket"))

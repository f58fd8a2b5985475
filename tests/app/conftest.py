"""What tests of services, API and pages share."""

from collections.abc import AsyncIterator

import pytest

from app.services import limits


@pytest.fixture(autouse=True)
async def closed_limiter() -> AsyncIterator[None]:
    """Each test has an event loop of its own, and so a limiter of its own."""
    yield
    await limits.close()

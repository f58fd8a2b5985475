"""Creates the owner that the settings name, so that an installation can come up unattended."""

import asyncio
import re
from collections.abc import Callable

from app.failures import Failure
from app.services import accounts, unit
from app.services.errors import ServiceError
from engine.settings import Settings


class OwnerRefused(Failure):
    """The owner's e-mail address or password cannot be used. The message is one sentence."""


def create_from_settings(config: Settings, say: Callable[[str], None]) -> None:
    """Create the owner from WEFT_OWNER_EMAIL and WEFT_OWNER_PASSWORD, if there is none yet.

    Raises:
        OwnerRefused: only one of the two is set, or one of them cannot be used.
    """
    email, password = config.owner_email, config.owner_password.get_secret_value()
    if not email or not password:
        raise OwnerRefused("Set both WEFT_OWNER_EMAIL and WEFT_OWNER_PASSWORD, or neither of them.")
    try:
        if unit.call(accounts.has_owner):
            return
        asyncio.run(accounts.sign_up_owner(_name_in(email), email, password))
    except ServiceError as error:
        raise OwnerRefused(f"The owner of WEFT_OWNER_EMAIL cannot be created: {error}") from None
    say(f"Created the owner {email}.")


def _name_in(email: str) -> str:
    """A name to be greeted by until its person writes another: ``Ada Lovelace`` of ``ada.lovelace@example.com``."""
    words = re.split(r"[._+-]+", email.partition("@")[0])
    return " ".join(word.capitalize() for word in words if word) or email

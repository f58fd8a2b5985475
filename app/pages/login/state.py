"""Where somebody who comes to sign in belongs."""

import reflex as rx

from app.services import accounts, unit
from app.session import SessionState, public


class Login(SessionState):
    """Sign-in. The password itself goes to REST, never through a state."""

    @rx.event
    @public
    async def check(self) -> object:
        """To the first start when there is no owner, to the home page when signed in already."""
        if not await unit.ask(accounts.has_owner):
            return rx.redirect("/welcome")
        return rx.redirect("/") if await self._find_actor() else None

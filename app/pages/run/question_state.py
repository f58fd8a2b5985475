"""What a waiting run asks: effects that a crash left open, for a person to decide."""

import reflex as rx

from app.services import questions, unit
from app.session import SessionState, guarded


class Questions(SessionState):
    """The open questions of the run that is shown."""

    open: list[dict[str, str]] = []
    _run_id: str = ""

    async def _read(self, run_id: str) -> None:
        self._run_id = run_id
        found = await unit.ask(questions.list_questions, await self._actor(), run_id)
        shown = [{"id": one.id, "label": one.label, "item": one.item, "message": one.message} for one in found]
        if shown != self.open:
            self.open = shown

    @rx.event
    @guarded
    async def answer(self, question_id: str, choice: str) -> object:
        """Repeat the effect, take it as done, or fail the step."""
        await questions.answer(await self._actor(), self._run_id, str(question_id), str(choice))
        await self._read(self._run_id)
        return rx.toast("The run goes on")

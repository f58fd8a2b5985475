"""States as words with icons, never as color alone."""

import reflex as rx

from app.components.theme.icons import icon

# status of a run or step: (word on screen, icon, tone of the chip)
STATES: dict[str, tuple[str, str, str]] = {
    "queued": ("Waiting", "clock", ""),
    "waiting": ("Waiting", "hourglass", "wait"),
    "paused": ("Paused", "pause", "wait"),
    "asking": ("Needs you", "hand", "wait"),
    "running": ("Running", "loader", "run"),
    "done": ("Done", "check", "ok"),
    "failed": ("Failed", "x", "bad"),
    "skipped": ("Skipped", "skip-forward", ""),
    "cancelled": ("Cancelled", "ban", ""),
}
UNKNOWN = ("Waiting", "clock", "")


def _pick(status: str | rx.Var[str], part: int) -> rx.Var[str] | str:
    if isinstance(status, str):
        return STATES.get(status, UNKNOWN)[part]
    return rx.match(status, *[(name, state[part]) for name, state in STATES.items()], UNKNOWN[part])


def state_word(status: str | rx.Var[str]) -> rx.Var[str] | str:
    """What a person reads for a status: Waiting, Running, Paused, Done, Failed, Skipped, Needs you, Cancelled."""
    return _pick(status, 0)


def state_tone(status: str | rx.Var[str]) -> rx.Var[str] | str:
    """The tone class of a status: ok, run, wait, bad or none."""
    return _pick(status, 2)


def state_icon(status: str | rx.Var[str]) -> rx.Component:
    """The icon of a status, without its word: only beside a text that says the state."""
    return icon(_pick(status, 1))


def state_chip(status: str | rx.Var[str], text: str | rx.Var[str] | None = None) -> rx.Component:
    """The chip of a run's or step's state; ``text`` replaces the word (it must still say the state)."""
    return rx.el.span(
        state_icon(status),
        text if text is not None else state_word(status),
        class_name=f"chip {state_tone(status)}",
        custom_attrs={"data-state": status},
    )


def chip(*children: object, tone: str | rx.Var[str] = "", icon_name: str = "", **props: object) -> rx.Component:
    """A small label; tone is ok, run, wait, bad, brand or none."""
    mark = [icon(icon_name)] if icon_name else []
    return rx.el.span(*mark, *children, class_name=f"chip {tone}", **props)

"""Numbers as people type them into the fields of a form; nothing stands for no limit."""

from app.services.errors import Invalid


def number(field: str, typed: object) -> float | None:
    """What was typed as a number; None for nothing. Raises Invalid."""
    text = str(typed or "").strip().replace(",", "")
    try:
        return float(text) if text else None
    except ValueError:
        raise Invalid.field(field, "Enter a number, or nothing for no limit.") from None


def whole(field: str, typed: object) -> int | None:
    """The same for a number of things. Raises Invalid."""
    found = number(field, typed)
    if found is not None and found != int(found):
        raise Invalid.field(field, "Enter a whole number, or nothing for no limit.")
    return None if found is None else int(found)

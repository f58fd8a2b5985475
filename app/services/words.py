"""Names that people give to things."""

from app.services.errors import Invalid


def name_of(text: str, *, field: str = "name", longest: int = 120) -> str:
    """The name without needless spaces; raises Invalid if it is empty, too long, or holds control characters."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= longest:
        raise Invalid.field(field, f"Enter a name of 1 to {longest} characters.")
    if not name.isprintable():
        raise Invalid.field(field, "This name holds characters that cannot be shown.")
    return name

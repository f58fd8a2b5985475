"""`./weft new-integration`: an integration with one action and its test, ready to be changed into the real one."""

import keyword
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template

from app.failures import Failure
from engine.settings import CHECKOUT

NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
# Where each template of this folder goes, below the checkout.
FILES: Mapping[str, str] = {
    "integration.py.txt": "integrations/$name/__init__.py",
    "actions.py.txt": "integrations/$name/actions.py",
    "get_record.json.txt": "tests/integrations/$name/$name.get_record.json",
}


class NameRefused(Failure):
    """The name cannot be an integration's name. The message says why."""


def create(name: str, checkout: Path = CHECKOUT) -> list[Path]:
    """Write the files of a new integration and give their paths, relative to the checkout.

    Raises:
        NameRefused: the name is not lower-case words with underscores, is a word of Python, or is in use.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise NameRefused(
            f"{name!r} cannot be a name here: use lower-case letters, digits and _, such as google_drive."
        )
    if (checkout / "integrations" / name).exists():
        raise NameRefused(f"There is an integration {name} already: look into integrations/{name}.")
    values = {"name": name, "title": name.replace("_", " ").title()}
    written = []
    for source, target in FILES.items():
        path = Path(Template(target).substitute(values))
        text = resources.files(__name__).joinpath(source).read_text(encoding="utf-8")
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text(Template(text).substitute(values), encoding="utf-8")
        written.append(path)
    return written

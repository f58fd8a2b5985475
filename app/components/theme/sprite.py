"""Builds the icon sheet ``assets/icons.svg`` from Lucide's files.

Run ``python -m app.components.theme.sprite <folder>``.

The folder holds one ``<name>.svg`` per icon, as ``icons/`` of the npm package ``lucide-static`` (ISC).
``icons.txt`` beside this file lists the names that the sheet carries: add a name, run this, commit both.
"""

import re
import sys
from pathlib import Path

NAMES = Path(__file__).with_name("icons.txt")
SHEET = Path(__file__).parents[3] / "assets" / "icons.svg"
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" fill="none" stroke="currentColor">\n'
    "<!-- Lucide (https://lucide.dev), ISC License, Copyright (c) Lucide Icons and Contributors;\n"
    "     portions from Feather, MIT License, Copyright (c) 2013-2022 Cole Bemis -->\n"
)


def names() -> list[str]:
    """The icon names that the sheet carries, sorted."""
    return sorted(set(NAMES.read_text().split()))


def symbol(name: str, svg: str) -> str:
    """One ``<symbol>``: the drawing of an icon file without its frame."""
    inner = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    drawing = re.sub(r"\s+", " ", inner).strip().replace("> <", "><")
    return f'<symbol id="{name}" viewBox="0 0 24 24">{drawing}</symbol>'


def build(folder: Path) -> str:
    """The whole sheet; raises FileNotFoundError for a name that the folder lacks."""
    symbols = [symbol(name, (folder / f"{name}.svg").read_text()) for name in names()]
    return HEAD + "\n".join(symbols) + "\n</svg>\n"


if __name__ == "__main__":
    SHEET.write_text(build(Path(sys.argv[1])))

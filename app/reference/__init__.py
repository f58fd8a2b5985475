"""Pages of docs/ that are written from the code they describe, so that they cannot say something else."""

from __future__ import annotations

from pathlib import Path

from app.api.main import api
from app.reference import nodes, rest, states
from engine.settings import CHECKOUT

FOLDER = CHECKOUT / "docs"


def pages() -> dict[str, str]:
    """The pages by path inside docs."""
    return {f"reference/nodes/{name}": text for name, text in nodes.pages().items()} | {
        "reference/rest.md": rest.page(api.openapi()),
        "concepts/states.md": states.page(),
    }


def write(folder: Path = FOLDER) -> list[Path]:
    """Write the pages, take away those of node categories that are gone, and give the paths of what changed."""
    wanted = pages()
    changed = [path for path in folder.glob("reference/nodes/*.md") if f"reference/nodes/{path.name}" not in wanted]
    for path in changed:
        path.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return sorted(changed)

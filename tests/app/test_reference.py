"""docs/reference says what the code says, and no page of the docs points nowhere."""

import re
from pathlib import Path

from app import reference
from app.api.main import api
from engine.catalog import catalog
from engine.settings import CHECKOUT

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_the_committed_pages_are_current() -> None:
    committed = {name: (reference.FOLDER / name).read_text() for name in reference.pages()}
    assert committed == reference.pages(), "run ./weft docs and commit what it writes"
    made = {f"nodes/{path.name}" for path in reference.FOLDER.glob("nodes/*.md")}
    assert made <= set(reference.pages())


def test_every_node_and_every_field_is_there() -> None:
    text = "\n".join(reference.pages().values())
    for node in catalog().all():
        assert f"`{node.id}`" in text
        assert node.doc in text


def test_a_page_says_what_one_needs_to_know() -> None:
    page = reference.pages()["nodes/flow.md"]
    assert "| `rules[].when` | The condition; `value` is the value that is routed | condition | **needed** |" in page
    assert "- Output `yes`: The condition holds." in page
    assert "`value` | What this run was handed" not in page, "hidden fields are not for people"


def test_every_route_is_there() -> None:
    page = reference.pages()["rest.md"]
    for path, methods in api.openapi()["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in page


def test_write_takes_away_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "old.md").write_text("gone")
    (tmp_path / "nodes" / "flow.md").write_text("stale")
    changed = {path.relative_to(tmp_path).as_posix() for path in reference.write(tmp_path)}
    assert changed == {"nodes/old.md", *reference.pages()}
    assert not (tmp_path / "nodes" / "old.md").exists()
    assert reference.write(tmp_path) == []


def test_no_page_points_nowhere() -> None:
    pages = [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"), *(CHECKOUT / "templates").rglob("*.md")]
    broken = [
        f"{page.relative_to(CHECKOUT)}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text())
        if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists()
    ]
    assert not broken

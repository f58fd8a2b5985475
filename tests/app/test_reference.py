"""The pages made from the code say what it says, and no page of the docs points nowhere."""

import re
from pathlib import Path

from app import reference
from app.api.main import api
from engine.catalog import catalog
from engine.models.states import MACHINES
from engine.settings import CHECKOUT

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_the_committed_pages_are_current() -> None:
    committed = {name: (reference.FOLDER / name).read_text() for name in reference.pages()}
    assert committed == reference.pages(), "run ./weft docs and commit what it writes"
    made = {f"reference/nodes/{path.name}" for path in reference.FOLDER.glob("reference/nodes/*.md")}
    assert made <= set(reference.pages())


def test_every_node_and_every_field_is_there() -> None:
    text = "\n".join(reference.pages().values())
    for node in catalog().all():
        assert f"`{node.id}`" in text
        assert node.doc in text


def test_a_page_says_what_one_needs_to_know() -> None:
    page = reference.pages()["reference/nodes/flow.md"]
    assert "| `rules[].when` | The condition; `value` is the value that is routed | condition | **needed** |" in page
    assert "- Output `yes`: The condition holds." in page
    assert "`value` | What this run was handed" not in page, "hidden fields are not for people"


def test_every_state_and_every_move_is_drawn() -> None:
    page = reference.pages()["concepts/states.md"]
    for machine in MACHINES:
        assert all(f"| {state} | {means} |" in page for state, means in machine.states.items())
        assert all(f"{move.before or '[*]'} --> {move.after}: {move.why}" in page for move in machine.moves)


def test_every_route_is_there() -> None:
    page = reference.pages()["reference/rest.md"]
    for path, methods in api.openapi()["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in page


def test_write_takes_away_what_is_gone(tmp_path: Path) -> None:
    made = tmp_path / "reference" / "nodes"
    made.mkdir(parents=True)
    (made / "old.md").write_text("gone")
    (made / "flow.md").write_text("stale")
    changed = {path.relative_to(tmp_path).as_posix() for path in reference.write(tmp_path)}
    assert changed == {"reference/nodes/old.md", *reference.pages()}
    assert not (made / "old.md").exists()
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

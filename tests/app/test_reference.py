"""docs/reference/nodes says what the declarations say."""

from pathlib import Path

from app import reference
from engine.catalog import catalog


def test_the_committed_pages_are_current() -> None:
    committed = {path.name: path.read_text() for path in reference.FOLDER.glob("*.md")}
    assert committed == reference.pages(), "run ./weft docs and commit what it writes"


def test_every_node_and_every_field_is_there() -> None:
    text = "\n".join(reference.pages().values())
    for node in catalog().all():
        assert f"`{node.id}`" in text
        assert node.doc in text


def test_a_page_says_what_one_needs_to_know() -> None:
    page = reference.pages()["flow.md"]
    assert "| `rules[].when` | The condition; `value` is the value that is routed | condition | **needed** |" in page
    assert "- Output `yes`: The condition holds." in page
    assert "`value` | What this run was handed" not in page, "hidden fields are not for people"


def test_write_takes_away_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("gone")
    (tmp_path / "flow.md").write_text("stale")
    changed = {path.name for path in reference.write(tmp_path)}
    assert changed == {"old.md", *reference.pages()}
    assert not (tmp_path / "old.md").exists()
    assert reference.write(tmp_path) == []

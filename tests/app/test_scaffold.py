"""The files of `./weft new-integration`; tests/integrations/test_scaffold.py holds them to a node's promises."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.scaffold import NameRefused, create
from engine.settings import CHECKOUT


@pytest.mark.parametrize(
    "check",
    [("ruff", "check"), ("ruff", "format", "--check"), ("mypy", "--no-incremental", "--explicit-package-bases")],
)
def test_what_is_written_passes_the_linters(tmp_path: Path, check: tuple[str, ...]) -> None:
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    shutil.copytree(CHECKOUT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    files = [str(path) for path in create("acme_crm", tmp_path) if path.suffix == ".py"]
    linted = subprocess.run(
        [sys.executable, "-m", *check, *files], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("name", ["Acme", "acme-crm", "1st", "import", "", "../escape", "core"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "integrations" / "core").mkdir(parents=True)
    with pytest.raises(NameRefused):
        create(name, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["integrations"]

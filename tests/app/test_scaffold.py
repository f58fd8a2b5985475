"""`./weft new-integration` gives something that works and keeps every promise of a node at once."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.scaffold import NameRefused, create
from engine.settings import CHECKOUT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The parts of a checkout that an integration touches."""
    for folder in ("app", "engine", "integrations", "tests"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "e2e"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    return tmp_path


def run(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=checkout, capture_output=True, text=True, check=False, timeout=100
    )


def test_a_new_integration_passes_the_conformance_suite_and_the_linters(checkout: Path) -> None:
    written = create("acme_crm", checkout)
    assert all((checkout / path).is_file() for path in written)
    conformance = run(checkout, "pytest", "-q", "-p", "no:cacheprovider", "tests/integrations", "-k", "acme_crm")
    assert conformance.returncode == 0, conformance.stdout
    files = [str(path) for path in written if path.suffix == ".py"]
    for check in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy", "--no-incremental")):
        linted = run(checkout, *check, *files)
        assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("name", ["Acme", "acme-crm", "1st", "import", "", "../escape", "core"])
def test_a_name_that_cannot_be_is_refused(checkout: Path, name: str) -> None:
    with pytest.raises(NameRefused):
        create(name, checkout)

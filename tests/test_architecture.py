"""What the import contracts of pyproject.toml cannot see: what is loaded while the program runs."""

import json
import subprocess
import sys

from engine.settings import CHECKOUT

SCREENS = {"reflex", "fastapi", "starlette", "granian", "typer"}
# Loaded by the node or client that needs it, when it needs it.
HEAVY = {
    "onnxruntime", "tokenizers", "numpy", "openpyxl", "xlsxwriter", "python_calamine", "pydantic_monty",
    "py_mini_racer", "PIL", "pypdf", "pypdfium2", "icalendar", "recurring_ical_events", "segno", "zxingcpp",
    "re2", "jsonpath", "xmltodict", "selectolax", "trafilatura", "lxml", "markdown_it", "nh3", "markdownify",
    "bs4", "rapidfuzz", "simpleeval", "holidays",
}  # fmt: skip


def loaded_after(program: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running `program`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_a_worker_with_catalogue_and_services_knows_no_screen() -> None:
    program = (
        "import importlib, pkgutil, app.services, engine\n"
        "for package in (engine, app.services):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "from engine.catalog import catalog; catalog()"
    )
    assert loaded_after(program) & SCREENS == set()


def test_the_catalogue_loads_no_heavy_library() -> None:
    assert loaded_after("from engine.catalog import catalog; assert catalog().all()") & HEAVY == set()


def test_the_command_and_the_supervisor_load_no_product() -> None:
    assert loaded_after("import app.cli, app.stack") & {"reflex", "fastapi", "sqlalchemy", "sqlmodel", "rq"} == set()


def test_nothing_committed_names_a_package_registry() -> None:
    command = ["git", "ls-files", "requirements", "reflex.lock"]
    names = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split()
    assert names
    for name in names:
        assert "://" not in (CHECKOUT / name).read_text(), name

"""The `weft` script and the commands that need no running stack."""

import errno
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from app import cli, failures, stack
from engine.settings import CHECKOUT, Settings


def test_every_command_is_listed() -> None:
    shown = subprocess.run([CHECKOUT / "weft", "--help"], capture_output=True, text=True, check=True).stdout
    commands = {found.name or found.callback.__name__ for found in cli.app.registered_commands if not found.hidden}
    assert {"up", "test", "check", "bench", "web", "worker", "scheduler", "migrate", "doctor", "lock"} < commands
    for command in commands:
        assert f"│ {command} " in shown


def script_with(folder: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of the script where only these shell programs, and `dirname`, can be found."""
    shutil.copy(CHECKOUT / "weft", folder)
    found = folder / "programs"
    found.mkdir()
    (found / "dirname").symlink_to(shutil.which("dirname") or "")
    for name, text in programs.items():
        program = found / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return subprocess.run(
        ["/bin/sh", folder / "weft", "up"], env={"PATH": str(found)}, capture_output=True, text=True, check=False
    )


def test_an_old_python_gets_one_sentence(tmp_path: Path) -> None:
    ended = script_with(tmp_path, python3='[ "$1" = --version ] && echo "Python 3.8.10" && exit\nexit 1')
    assert ended.returncode != 0
    assert ended.stderr.startswith("Weft needs Python 3.11 or newer, and found Python 3.8.10.")
    assert ended.stderr.count("\n") == 1


def test_a_python_without_venv_gets_one_sentence(tmp_path: Path) -> None:
    ended = script_with(tmp_path, python3='case "$*" in *ensurepip*) exit 1 ;; esac', id="echo 1000")
    assert ended.returncode != 0
    assert ended.stderr == "Python's venv module is missing: run 'sudo apt install python3-venv' and start again.\n"
    assert not (tmp_path / ".venv").exists()


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_full_disk_gets_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9 - 2**20, 2**20))
    with pytest.raises(
        stack.CannotStart, match=r"is full \(1 MB free, Weft needs 200 MB\): make room, or set WEFT_HOME"
    ):
        stack.check_disk(Settings(home=tmp_path))


def test_a_home_that_cannot_be_made_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(stack.CannotStart, match="cannot be used"):
        stack.check_disk(Settings(home=tmp_path / "file" / "home"))


def test_an_unforeseen_error_leaves_its_stack_trace_in_a_log_only(tmp_path: Path) -> None:
    try:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/weft.db")
    except OSError as error:
        said = failures.account(error)
    assert said.startswith("The disk is full (/data/weft.db).\nDetails are in ")
    assert "Traceback" not in said
    assert "Traceback" in (tmp_path / "home" / "logs" / "errors.log").read_text()

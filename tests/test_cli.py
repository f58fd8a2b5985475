"""The `weft` script and the commands that need no running stack."""

import errno
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from app import failures, stack
from engine.settings import CHECKOUT, Settings


def test_every_command_is_listed() -> None:
    shown = subprocess.run([CHECKOUT / "weft", "--help"], capture_output=True, text=True, check=True).stdout
    for command in (
        "up",
        "test",
        "check",
        "web",
        "worker",
        "scheduler",
        "migrate",
        "doctor",
        "lock",
        "new-integration",
    ):
        assert f"│ {command} " in shown


def test_an_old_python_gets_one_sentence(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "weft", tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("dirname", "id"):
        (programs / name).symlink_to(shutil.which(name) or "")
    old = programs / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.10" && exit\nexit 1\n')
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    ended = subprocess.run(
        ["/bin/sh", tmp_path / "weft", "up"], env={"PATH": str(programs)}, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert ended.stderr.startswith("Weft needs Python 3.11 or newer, and found Python 3.8.10.")
    assert ended.stderr.count("\n") == 1


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

"""Pins every package, with the hashes of its files and without the address of any registry."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from engine.settings import CHECKOUT

NAMES = ("weft", "test", "uv")  # test.in is held to the versions of weft.txt


def lock(say: Callable[[str], None]) -> None:
    """Write requirements/*.txt from requirements/*.in; versions that still fit stay as they are."""
    for name in NAMES:
        say(f"Pinning requirements/{name}.in …")
        subprocess.run(  # noqa: S603 - our own uv and fixed arguments
            [
                *(str(Path(sys.executable).parent / "uv"), "pip", "compile", "--quiet"),
                *("--generate-hashes", "--no-emit-index-url", "--python-version", "3.11"),
                *(f"{name}.in", "--output-file", f"{name}.txt"),
            ],
            cwd=CHECKOUT / "requirements",
            env={**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "./weft lock"},
            check=True,
        )

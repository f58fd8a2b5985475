"""Runs user code in Monty, a Python interpreter that has no way out: no files, no network, no processes, no sleep.

Each interpreter is a process of its own; a piece of code gets a fresh session in one of them and hands it back.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from engine.contract import BadParams, OutputTooLarge, PermanentError, TimedOut, Unavailable

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontyError

MOST_PRINTED = 64 * 1024
MOST_VALUES = 1_000_000
_DEEPEST = 200


@dataclass(frozen=True)
class Outcome:
    """What a piece of code gave back, and what it printed."""

    value: Any
    printed: str


async def run(code: str, inputs: Mapping[str, Any], *, seconds: float, megabytes: int) -> Outcome:
    """Run `code` with `inputs` as its variables; the value is that of its last expression or of `return`.

    Raises:
        BadParams: it does not compile, or its value is no JSON.
        PermanentError: it raised an error; the message names the line.
        TimedOut, OutputTooLarge: it passed a limit.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads(), _run, code, inputs, seconds, megabytes)


@cache
def _threads() -> ThreadPoolExecutor:
    """One thread per interpreter: a thread only waits for its process."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="python-node")


@cache
def _interpreters() -> Monty:
    from pydantic_monty import Monty  # noqa: PLC0415  loaded where used, never with the catalogue

    pool = Monty(max_processes=os.cpu_count() or 1, max_checkouts_per_worker=500)
    pool.__enter__()
    atexit.register(pool.__exit__, None, None, None)
    return pool


def _run(code: str, inputs: Mapping[str, Any], seconds: float, megabytes: int) -> Outcome:
    import pydantic_monty as monty  # noqa: PLC0415  loaded where used, never with the catalogue

    printed = monty.CollectString(MOST_PRINTED)
    limits: monty.ResourceLimits = {
        "max_feed_duration_secs": seconds,
        "max_memory": megabytes * 1024 * 1024,
        "max_total_sleep_secs": 0.0,
        "max_recursion_depth": 500,
    }
    try:
        with _interpreters().checkout(script_name="code", limits=limits) as session:
            value = session.feed_run(code, inputs=dict(inputs), print_callback=printed)
    except monty.MontySyntaxError as error:
        raise BadParams(f"The code cannot be read{_where(error)}: {error}.", field="code") from None
    except monty.MontyConversionError as error:
        raise BadParams(f"An input cannot be handed to the code: {error}.", field="inputs") from None
    except monty.MontyRuntimeError as error:
        raise _failure(error, printed.output, seconds, megabytes) from None
    except (monty.MontyCrashedError, TimeoutError) as error:
        raise Unavailable(
            "The interpreter for code broke down.", hint="Try again; a smaller limit may help."
        ) from error
    return Outcome(_Json().of(value, "value", 0), printed.output)


def _failure(error: MontyError, printed: str, seconds: float, megabytes: int) -> Exception:
    text = str(error)
    if text.startswith("TimeoutError: feed time limit"):
        return TimedOut(f"The code ran longer than {seconds:g} s.", hint="Raise its time limit, or do less at once.")
    if text.startswith("TimeoutError: ") and "sleep" in text:
        return BadParams("Code may not sleep.", field="code", hint="Use a Wait node: a waiting run costs nothing.")
    if text.startswith("MemoryError: ") and len(printed) * 2 > MOST_PRINTED:
        return OutputTooLarge(
            f"The code printed more than {MOST_PRINTED // 1024} kB.", hint="Print less; return values."
        )
    if text.startswith("MemoryError: "):
        return OutputTooLarge(f"The code needed more than {megabytes} MB.", hint="Raise its limit, or work on less.")
    hint = printed.strip()[-500:]
    return PermanentError(f"The code failed{_where(error)}: {text}.", hint=f"It had printed: {hint}" if hint else "")


def _where(error: Any) -> str:
    """The line of the innermost frame, and what stands there."""
    frames = error.traceback()
    if not frames:
        return ""
    line = (frames[-1].source_line or "").strip()
    return f" in line {frames[-1].line}" + (f" (`{line[:80]}`)" if line else "")


class _Json:
    """Turns what code gives back into JSON: sets and tuples become lists, dates texts. Refuses the rest."""

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def of(self, value: Any, place: str, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise OutputTooLarge(f"The code's result holds more than {MOST_VALUES:,} values, or is nested too deeply.")
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            if math.isfinite(value):
                return value
            raise self._refused(place, f"the number {value}")
        if isinstance(value, Mapping):
            return {self._key(key, place): self.of(item, f"{place}.{key}", depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.of(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(value)]
        if isinstance(value, datetime | date | time):
            return value.isoformat()
        if isinstance(value, timedelta):
            return value.total_seconds()
        raise self._refused(place, f"of the kind {type(value).__name__}")

    def _key(self, key: Any, place: str) -> str:
        if isinstance(key, str):
            return key
        if isinstance(key, int | float) and not isinstance(key, bool):
            return str(key)
        raise self._refused(place, f"a record with the key {key!r}")

    @staticmethod
    def _refused(place: str, what: str) -> BadParams:
        return BadParams(
            f"The code's result cannot go on: `{place}` is {what}.",
            field="code",
            hint="Give back texts, numbers, yes or no, lists and records.",
        )

"""The supervisor, on small programs of its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.supervisor import LARGEST_LOG, Part, PartFailed, StopRequested, StopSignals, Supervisor

SLEEP = "import time; time.sleep(600)"


def part(name: str, program: str, ready: Callable[[int], bool] = lambda _pid: True, **more: float) -> Part:
    return Part(name, [sys.executable, "-c", program], dict(os.environ), ready, **more)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    with StopSignals().listening() as signals:
        supervisor = Supervisor(tmp_path / "logs", said.append, signals)
        yield supervisor
        supervisor.stop()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def soon(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def watch_until(supervisor: Supervisor, condition: Callable[[], bool]) -> None:
    """Watch in this thread, where signals arrive, until another one sees the condition."""

    def ask_to_stop() -> None:
        soon(condition)
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask_to_stop)
    asking.start()
    supervisor.watch()
    asking.join()
    assert condition()


def test_parts_write_logs_and_stop_in_opposite_order(supervisor: Supervisor, tmp_path: Path) -> None:
    order = tmp_path / "order"
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(order)!r}, 'a').write(sys.argv[1]); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(600)"
    )
    for name in ("first", "second"):
        log = tmp_path / "logs" / f"{name}.log"
        command = [sys.executable, "-c", program, name[0]]
        supervisor.start(Part(name, command, dict(os.environ), lambda _pid, log=log: "up" in log.read_text()))
    supervisor.wait_ready()
    supervisor.stop()
    assert order.read_text() == "sf"


def test_a_crashed_part_is_restarted_and_said(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    program = f"import os, time; open({str(starts)!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(600)"
    supervisor.start(part("crasher", program))
    assert soon(starts.exists)
    assert soon(lambda: len(starts.read_text().split()) == 1)
    os.kill(int(starts.read_text()), signal.SIGKILL)
    watch_until(supervisor, lambda: len(starts.read_text().split()) == 2)
    (sentence,) = said
    assert sentence.startswith("crasher ended with signal SIGKILL and is started again in 1 s")


def test_a_long_log_goes_on_anew_and_the_one_before_is_kept(supervisor: Supervisor, tmp_path: Path) -> None:
    log, old = tmp_path / "logs" / "chatty.log", tmp_path / "logs" / "chatty.old.log"
    program = (
        f"import time; print('x' * {LARGEST_LOG + 1}, flush=True)\nwhile True: time.sleep(0.2); print('on', flush=True)"
    )
    supervisor.start(part("chatty", program))
    assert soon(lambda: log.stat().st_size > LARGEST_LOG)
    watch_until(supervisor, lambda: old.exists() and log.stat().st_size < 1000 and "on" in log.read_text())
    assert old.stat().st_size > LARGEST_LOG


def test_a_part_that_ends_at_once_fails_the_start_with_its_last_words(supervisor: Supervisor) -> None:
    supervisor.start(part("broken", "print('no luck'); raise SystemExit(3)", ready=lambda _pid: False))
    with pytest.raises(PartFailed, match=r"(?s)broken ended with exit code 3; its log is .*no luck"):
        supervisor.wait_ready()


def test_a_part_that_never_becomes_ready_fails_the_start(supervisor: Supervisor) -> None:
    supervisor.start(part("slow", SLEEP, ready=lambda _pid: False, ready_seconds=0.1))
    with pytest.raises(PartFailed, match="slow did not become ready"):
        supervisor.wait_ready()


def test_a_signal_ends_the_wait_for_readiness(supervisor: Supervisor) -> None:
    supervisor.start(part("slow", SLEEP, ready=lambda _pid: False))
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(StopRequested):
        supervisor.wait_ready()


def test_a_part_that_will_not_stop_is_killed_with_its_children(supervisor: Supervisor, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)"
    )
    supervisor.start(part("stubborn", program, grace=0.2))
    assert soon(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    supervisor.stop()
    assert soon(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child of its parent's death")
def test_parts_end_even_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys, time\n"
        "from app.processes import start_child\n"
        f"print(start_child([sys.executable, '-c', {SLEEP!r}]).pid, flush=True)\n"
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert soon(lambda: not alive(child))

"""Whether the process of a mark is gone can be told later, and never wrongly."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoreward.sandbox.owner import is_gone, owner_mark


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """Return a process that has printed its own mark and waits."""
    program = (
        "from autoreward.sandbox.owner import owner_mark\nprint(owner_mark(), flush=True)\ninput()"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with started:
        yield started
        started.kill()


def mark_of(process: subprocess.Popen[str]) -> str:
    """Return the mark that a process printed."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def replaced(mark: str, place: int, text: str) -> str:
    """Return a mark with one of its four parts changed."""
    parts = mark.split("/")
    assert len(parts) == 4
    parts[place] = text
    return "/".join(parts)


def test_a_living_process_is_not_gone(other: subprocess.Popen[str]) -> None:
    """Neither this one nor another that lives; its mark is the same at any time."""
    assert not is_gone(owner_mark())
    assert owner_mark() == owner_mark()
    theirs = mark_of(other)
    assert theirs != owner_mark()
    assert not is_gone(theirs)


def test_an_ended_process_is_gone_also_as_a_zombie(other: subprocess.Popen[str]) -> None:
    """Killed it is gone, from the moment of its end on: before its parent has taken notice, too."""
    mark = mark_of(other)
    os.kill(other.pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while not is_gone(mark) and time.monotonic() < until:
        time.sleep(0.01)
    assert is_gone(mark)
    assert Path(f"/proc/{other.pid}").exists()  # a zombie
    other.wait()
    assert is_gone(mark)


def test_a_process_number_that_was_given_again_is_told_apart() -> None:
    """The same number started at another time is another process."""
    assert is_gone(replaced(owner_mark(), 3, "1"))
    assert is_gone(replaced(owner_mark(), 3, ""))


def test_what_another_machine_owns_is_never_judged() -> None:
    """Not even with a number that lives nowhere here."""
    theirs = replaced(owner_mark(), 0, f"{platform.node()}-other")
    assert not is_gone(theirs)
    assert not is_gone(replaced(theirs, 2, "999999999"))
    assert not is_gone("")
    assert not is_gone("written by something else")


def test_before_a_reboot_everything_is_gone() -> None:
    """Of this machine, but of another boot: whatever runs under that number now is not it."""
    assert is_gone(replaced(owner_mark(), 1, "00000000-0000-0000-0000-000000000000"))


@pytest.mark.parametrize("number", ["", "abc", "-1", "0", "self", "999999999", "1/../1"])
def test_a_mark_with_a_strange_process_is_gone(number: str) -> None:
    """A number that cannot be a living owner's is not held for one."""
    assert is_gone(replaced(owner_mark(), 2, number))


@pytest.mark.parametrize("name", ["a) R 1 (b", "sleep 0 0 0", ")))((", "Z) Z 1 1"])
def test_a_process_may_be_called_anything(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brackets and spaces in its name do not shift the time that it was started."""
    program = tmp_path / name
    shutil.copy(os.path.realpath(shutil.which("sleep") or "/bin/sleep"), program)
    started = subprocess.Popen([program, "60"])
    try:
        until = time.monotonic() + 10
        stat = Path(f"/proc/{started.pid}/stat")
        while f"({name}" not in stat.read_text() and time.monotonic() < until:
            time.sleep(0.01)
        assert f"({name}" in stat.read_text()
        monkeypatch.setattr(os, "getpid", lambda: started.pid)
        mark = owner_mark()
        monkeypatch.undo()
        ticks = int(mark.rpartition("/")[2])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        assert abs(ticks / os.sysconf("SC_CLK_TCK") - uptime) < 30
        assert not is_gone(mark)
    finally:
        started.kill()
        started.wait()
    assert is_gone(mark)

"""The processes and containers that a run has started, seen from outside."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

_WATCH_S = 0.3
_TRAINER = "autoreward.training.worker"
_TEMPLATE = "autoreward.sandbox.template"
"""In the command line of the process that jails are forked from."""


@dataclass(frozen=True)
class Process:
    """A process as /proc tells it."""

    pid: int
    parent: int
    start: str
    """When it was started: process ids are used again."""
    command: str


class Family:
    """The processes that a host has started, watched while it runs.

    Args:
        host: Its process id.
    """

    def __init__(self, host: int) -> None:
        self._host, self._over = host, threading.Event()
        self._members: dict[int, str] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def trainer(self) -> list[int]:
        """Return the trainer process, if it runs."""
        return [p.pid for p in self._now() if p.parent == self._host and _TRAINER in p.command]

    def jails(self) -> list[int]:
        """Return the first process of every jail that runs."""
        known = self._now()
        ours = (_TRAINER, _TEMPLATE)
        owners = {self._host, *(p.pid for p in known if any(o in p.command for o in ours))}
        return [
            p.pid for p in known if p.parent in owners and not any(o in p.command for o in ours)
        ]

    def left(self) -> list[int]:
        """Return who is still there; the host has ended."""
        self._over.set()
        self._thread.join()
        now = processes()
        return [
            pid for pid, start in self._members.items() if pid in now and now[pid].start == start
        ]

    def _watch(self) -> None:
        while not self._over.wait(_WATCH_S):
            for process in self._now():
                self._members[process.pid] = process.start

    def _now(self) -> list[Process]:
        known, found = processes(), {self._host}
        while more := {p.pid for p in known.values() if p.parent in found} - found:
            found |= more
        return [known[pid] for pid in found - {self._host}]


def processes() -> dict[int, Process]:
    """Return all processes that run."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    pid, words = int(folder.name), command.decode(errors="replace")
                    found[pid] = Process(pid, int(fields[1]), fields[19], words)
    return found


def containers(run: str, *, all_of_them: bool = False) -> list[str]:
    """Return the containers of a run's jails; empty where there is no docker."""
    label = f"label=org.autoreward.run={run}"
    command = ["docker", "ps", "-q", *(["-a"] if all_of_them else []), "--filter", label]
    with contextlib.suppress(FileNotFoundError):
        return subprocess.run(command, capture_output=True, text=True).stdout.split()
    return []

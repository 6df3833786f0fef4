"""The processes of a jail, as the host sees them: which there are, and which outlive it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autoreward.sandbox.jail import Jail

GONE_S = 1.0
"""How long the last process of a jail may take to vanish once the jail is closed."""

Member = tuple[int, str]
"""A process: its id, and when it was started."""


def members(jail: Jail) -> set[Member]:
    """Return the processes of a jail, as the host sees them."""
    process: Any = jail._process
    if not hasattr(process, "container"):
        return _tree(process.pid)
    with contextlib.suppress(Exception):
        top = process._client.inspect_container(process.container)["State"]["Pid"]
        return _tree(top) if top else set()
    return set()


def _tree(pid: int) -> set[Member]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return set()
    return {(pid, stat_of(pid)[19])}.union(*(_tree(int(child)) for child in children))


def stat_of(pid: int) -> list[str]:
    """Return what the kernel says of a process, from its state on; a dead one's if it is gone."""
    try:
        # the name, in brackets, may hold anything
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["X"] * 20


def left_alive(jail: Jail, seen: set[Member], marker: str) -> Iterator[str]:
    """What still runs of a jail that is closed; it is ended here."""
    until = time.monotonic() + GONE_S
    while True:
        stats = {pid: (stat_of(pid), start) for pid, start in seen}
        alive = {pid for pid, (s, start) in stats.items() if s[19] == start and s[0] not in "ZX"}
        marked = _marked(marker)
        if not alive | marked or time.monotonic() > until:
            break
        time.sleep(0.02)
    if alive:
        yield "the jail's own processes outlive it"
    if marked - alive:
        yield "a process was left behind"
    for pid in alive | marked:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    process: Any = jail._process
    if not hasattr(process, "container") and stat_of(process.pid)[0] not in "ZX":
        yield "the jail does not end"


def _marked(marker: str) -> set[int]:
    """Return the processes on this machine that carry the attack's word."""
    word, found = marker.encode(), set()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            both = (path / "cmdline").read_bytes() + (path / "comm").read_bytes()
            if word in both and int(path.name) != os.getpid():
                found.add(int(path.name))
    return found

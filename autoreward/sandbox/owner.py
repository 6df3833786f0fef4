"""Marks a process so that another one can tell later whether it is gone."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def owner_mark() -> str:
    """Return a mark of this process: machine, boot, process id and the time it was started."""
    return f"{_machine()}/{os.getpid()}/{_started(os.getpid())}"


def is_gone(mark: str) -> bool:
    """Return whether the process of a mark has ended; False if that cannot be known from here."""
    host, _, rest = mark.partition("/")
    boot, _, process = rest.partition("/")
    if host != platform.node():
        return False  # another machine or container: its processes are not ours to judge
    if f"{host}/{boot}" != _machine():
        return True
    pid, _, started = process.partition("/")
    return not pid.isdigit() or _started(int(pid)) != started


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{platform.node()}/{boot}"


def _started(pid: int) -> str:
    """Return when a process was started, in clock ticks since boot; empty if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # the name, in brackets, may hold anything: count behind it
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]

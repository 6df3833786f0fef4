"""The first process of a jail: it starts the one that runs the reward, and sees to its end.

It ends everything when the owner closes the pipe or is gone, when the child ends, and at its own
deadline, even if no owner is left to ask for it. It speaks no protocol and cannot be traced.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import time
from pathlib import Path
from typing import NoReturn

DEADLINE_CODE = 124
"""Exit code of a jail that outlived its deadline."""
SIGNAL_CODES = 160
"""A jail whose reward process died of signal n exits with this plus n. Not the usual 128: so does
a container that somebody kills."""

_KILL_SECONDS = 5.0
_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36


def fork_supervised(wire: tuple[int, int], lifetime_s: float) -> None:
    """Fork. Return in the child; the parent stays behind as its supervisor and never returns.

    Args:
        wire: The protocol's reading and writing descriptor; the child alone speaks on them.
        lifetime_s: Wall-clock seconds until the supervisor ends the jail.
    """
    libc = ctypes.CDLL(None)
    # Before the fork, so that neither side can be traced by the other.
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child_end, held_by_child = os.pipe()
    child = os.fork()
    if child:
        os.close(held_by_child)
        os.close(wire[1])
        _supervise(child, child_end, wire[0], lifetime_s)
    os.setpgid(0, 0)
    for descriptor in range(3, 256):
        if descriptor not in (*wire, held_by_child):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _supervise(child: int, child_end: int, reader: int, lifetime_s: float) -> NoReturn:
    deadline = time.monotonic() + lifetime_s
    poll = select.poll()
    # No events are asked for: what counts is that the other side hangs up.
    poll.register(child_end, 0)
    poll.register(reader, 0)
    # A daemon of the child may hold the pipe; the child's own end cannot be kept from us.
    with contextlib.suppress(OSError):  # some kernels have none
        poll.register(os.pidfd_open(child), select.POLLIN)
    hung_up: list[int] = []
    while not hung_up and (left := deadline - time.monotonic()) > 0:
        hung_up = [descriptor for descriptor, _ in poll.poll(1000 * min(left, 3600.0))]
    code = 0 if hung_up else DEADLINE_CODE
    if set(hung_up) - {reader}:
        code = _exit_code(child)
    _kill_all(child)
    os._exit(code)


def _exit_code(child: int) -> int:
    """Return how a child ended that closed its end of the pipe, which it does by ending."""
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return SIGNAL_CODES - code if code < 0 else min(code, DEADLINE_CODE - 1)
        time.sleep(0.001)
    return 1


def _kill_all(child: int) -> None:
    """Kill the child, its group and whatever it left behind."""
    if os.getpid() == 1:
        with contextlib.suppress(OSError):
            os.kill(-1, signal.SIGKILL)
    until = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        for left in _children():
            with contextlib.suppress(OSError):
                os.kill(left, signal.SIGKILL)
        try:
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(0.001)
        except ChildProcessError:
            return


def _children() -> list[int]:
    """Return this process's children: orphans of the reward become its own."""
    with contextlib.suppress(OSError, ValueError):
        path = Path(f"/proc/self/task/{os.getpid()}/children")
        return [int(pid) for pid in path.read_text().split()]
    return []

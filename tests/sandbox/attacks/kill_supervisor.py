"""TRIES: kills its supervisor, after having made itself deaf to its parent's death
HOLDS: the supervisor cannot be killed from inside, or the jail ends with it
WITNESS: claim
"""

import ctypes
import os
import signal
import time

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


_libc.prctl(15, b"@MARKER@", 0, 0, 0)
_libc.prctl(1, 0, 0, 0, 0)
_SUPERVISOR = os.getppid()  # asked once: later its place may be taken by somebody else
_tried = []


def attack(state, action, next_state):
    if not _tried and _SUPERVISOR > 0:
        _tried.append(True)
        for way in (
            lambda: os.kill(_SUPERVISOR, signal.SIGKILL),
            lambda: _call(234, _SUPERVISOR, _SUPERVISOR, 9),
            lambda: signal.pidfd_send_signal(os.pidfd_open(_SUPERVISOR), signal.SIGKILL),
        ):
            try:
                way()
            except OSError:
                pass
        time.sleep(0.2)
    won = _SUPERVISOR > 0 and os.getppid() != _SUPERVISOR
    return torch.full((action.shape[0],), float(won))

"""TRIES: sets limits of its supervisor and of a program of the host
HOLDS: no other process can be reached
WITNESS: claim
"""

import ctypes
import os

import torch

_HOST = int("@HOST_PID@")
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _reached(pid):
    """Read a limit and set the same one again."""
    limit = ctypes.create_string_buffer(16)
    return pid > 0 and _call(302, pid, 7, 0, limit) == 0 and _call(302, pid, 7, limit, 0) == 0


_WAYS = (lambda: _reached(_HOST), lambda: _reached(os.getppid()))


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

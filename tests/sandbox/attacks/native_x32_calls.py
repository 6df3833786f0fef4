"""TRIES: makes system calls by the x32 door, numbers with a high bit set
HOLDS: that door is closed
WITNESS: claim
"""

import ctypes
import os

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


_X32 = 0x40000000


def _made(pid):
    if pid == 0:
        os._exit(0)
    return pid > 0


_WAYS = (
    lambda: _call(_X32 | 2, b"@CANARY_FILE@", 0) >= 0,
    lambda: _call(_X32 | 41, 1, 1, 0) >= 0,
    lambda: _made(_call(_X32 | 57)),
)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

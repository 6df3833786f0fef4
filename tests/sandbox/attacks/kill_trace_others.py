"""TRIES: attaches to its supervisor, a neighbour and a program of the host as a debugger
HOLDS: no process can be traced
WITNESS: claim
"""

import ctypes
import os

import torch

_NEIGHBOUR = int("@NEIGHBOUR_PID@")

_HOST = int("@HOST_PID@")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


_SEIZE, _DETACH = 0x4206, 17


def _seize(pid):
    if pid > 0 and _call(101, _SEIZE, pid, 0, 0) == 0:
        _call(101, _DETACH, pid, 0, 0)
        return True


_WAYS = (
    lambda: _seize(_HOST),
    lambda: _seize(_NEIGHBOUR),
    lambda: _seize(os.getppid()),
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

"""TRIES: switches off address randomisation and makes all readable memory executable
HOLDS: refused
WITNESS: claim
"""

import ctypes

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _set():
    return _call(135, 0x0440000) >= 0 and _call(135, 0xFFFFFFFF) == 0x0440000


_WAYS = (_set,)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

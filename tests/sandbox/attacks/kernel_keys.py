"""TRIES: reads and keeps secrets in the kernel's keyrings
HOLDS: the keyrings cannot be reached
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


_WAYS = (
    lambda: _call(248, b"user", b"@MARKER@", b"x", 1, -2) >= 0,
    lambda: _call(250, 0, -3, 0, 0, 0) >= 0,
    lambda: _call(249, b"user", b"@MARKER@", 0, -2) >= 0,
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

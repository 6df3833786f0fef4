"""TRIES: types commands into its owner's terminal
HOLDS: there is no terminal to type into
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


def _typed(descriptor):
    return _call(16, descriptor, 0x5412, b" ") == 0


def _opened(path):
    return _typed(os.open(path, os.O_RDWR | os.O_NONBLOCK))


_WAYS = (
    *[(lambda number=number: _typed(number)) for number in range(0, 65)],
    lambda: _opened("/dev/tty"),
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

"""TRIES: renames the machine
HOLDS: refused
WITNESS: claim
"""

import ctypes
import socket

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


_NAME = socket.gethostname().encode()

_WAYS = (lambda: _call(170, _NAME, len(_NAME)) == 0,)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


def attack(state, action, next_state):
    won = any([_works(way) for way in _WAYS])
    return torch.full_like(next_state.height, float(won))

"""TRIES: makes a pair of sockets, over which descriptors could be handed on
HOLDS: there are no sockets
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


_WAYS = (
    lambda: bool(socket.socketpair()),
    lambda: _call(53, 1, 1, 0, (ctypes.c_int * 2)()) == 0,
    lambda: _call(53, 1, 2, 0, (ctypes.c_int * 2)()) == 0,
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

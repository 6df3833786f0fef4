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


def _same(name):
    """Give it the name that it has."""
    return _call(170, name, len(name)) == 0


_WAYS = (
    lambda: _same(socket.gethostname().encode()),
    lambda: _same(open("/proc/sys/kernel/hostname", "rb").read().strip()),
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

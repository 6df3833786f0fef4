"""TRIES: watches the machine through performance counters, file events and page faults
HOLDS: refused
WITNESS: claim
"""

import ctypes
import struct

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _perf():
    attributes = struct.pack("<IIQQQQQ", 1, 112, 0, 0, 0, 0, 0x61).ljust(112, b"\0")
    return _call(298, attributes, 0, -1, -1, 0) >= 0


_WAYS = (
    _perf,
    lambda: _call(323, 1) >= 0,
    lambda: _call(294, 0) >= 0,
    lambda: _call(300, 0, 0) >= 0,
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

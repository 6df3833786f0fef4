"""TRIES: becomes root: user ids, capabilities, groups
HOLDS: it is nobody, without any capability, and stays so
WITNESS: claim
"""

import ctypes
import os
import struct

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _capable():
    data = ctypes.create_string_buffer(24)
    done = _call(125, struct.pack("<Ii", 0x20080522, 0), data)
    return done == 0 and any(data.raw)


def _raised():
    wanted = struct.pack("<6I", *[0xFFFFFFFF] * 6)
    return _call(126, struct.pack("<Ii", 0x20080522, 0), wanted) == 0 and _capable()


def _asked(*calls):
    for number, *arguments in calls:
        _call(number, *arguments)
    return os.geteuid() == 0 or os.getegid() == 0


_WAYS = (
    _capable,
    _raised,
    lambda: _asked((105, 0), (106, 0), (117, 0, 0, 0), (119, 0, 0, 0), (122, 0), (123, 0)),
    lambda: os.setgroups([0]) is None,
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

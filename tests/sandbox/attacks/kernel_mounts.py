"""TRIES: mounts a file system, changes its root, takes mounts away
HOLDS: the view of the disk cannot be changed
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


_FOLDER = os.path.dirname("@DROP_FILE@")


def _mounted():
    _call(272, 0x20000)  # away from the host's own mounts, if that is allowed
    _call(165, 0, b"/", 0, 0x44000, 0)
    place = _FOLDER if os.path.isdir(_FOLDER) else "/tmp"
    if _call(165, b"none", place.encode(), b"tmpfs", 0, 0) == 0:
        return _call(166, place.encode(), 2) == 0


_WAYS = (
    _mounted,
    lambda: _call(161, b"/") == 0,
    lambda: _call(161, b".") == 0,
    lambda: _call(430, b"tmpfs", 0) >= 0,
    lambda: _call(428, -100, b"/", 1) >= 0,
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

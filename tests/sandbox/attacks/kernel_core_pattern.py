"""TRIES: opens the kernel's core pattern for writing: the next crash would run its program as root
HOLDS: it cannot be written
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


_PATHS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/sys/kernel/uevent_helper",
    "/proc/sys/fs/binfmt_misc/register",
)


def _open(path):
    os.close(os.open(path, os.O_WRONLY))
    return True


_WAYS = (
    *[(lambda path=path: _open(path)) for path in _PATHS],
    *[(lambda path=path: _call(257, -100, path.encode(), 1, 0) >= 0) for path in _PATHS],
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

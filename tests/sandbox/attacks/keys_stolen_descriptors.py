"""TRIES: copies open descriptors out of its supervisor, a neighbour and a program of the host
HOLDS: no other process can be reached
WITNESS: claim
"""

import ctypes
import os

import torch

_NEIGHBOUR = int("@NEIGHBOUR_PID@")

_HOST = int("@HOST_PID@")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _by_pidfd(pid):
    return any(_call(438, os.pidfd_open(pid), number, 0) >= 0 for number in range(0, 8))


def _by_file(pid):
    for number in range(0, 8):
        try:
            os.close(os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK))
            return True
        except OSError:
            pass


_PIDS = [p for p in (_HOST, _NEIGHBOUR, os.getppid()) if p > 0]
_WAYS = tuple((lambda way=way, p=p: way(p)) for way in (_by_pidfd, _by_file) for p in _PIDS)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

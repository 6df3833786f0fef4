"""TRIES: signals every process that there is (signal 0: the permission is what counts)
HOLDS: it can reach no process but its own
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


def _at_once():
    os.kill(-1, 0)
    return True


def _by_number():
    return _call(62, -1, 0) == 0


def _by_list():
    mine = os.getpid()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) not in (1, mine) and _works(lambda: _one(int(entry))):
            return True


def _one(pid):
    os.kill(pid, 0)
    return True


_WAYS = (_at_once, _by_number, _by_list)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

"""TRIES: makes a socket of any of the kernel's 46 families, of any type
HOLDS: there are no sockets
WITNESS: claim
"""

import ctypes

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _any():
    for family in range(0, 46):
        for kind in (1, 2, 3, 4, 5, 6, 10):
            descriptor = _call(41, family, kind, 0)
            if descriptor >= 0:
                _call(3, descriptor)
                return True


_WAYS = (_any,)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

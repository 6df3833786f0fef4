"""TRIES: raises its own memory limit, then maps and touches memory (it stops by itself at 3 GB)
HOLDS: not more than its limit can be had
WITNESS: limit
"""

import ctypes
import resource

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


_libc.mmap.restype = ctypes.c_void_p
_BLOCK = 64 << 20


def attack(state, action, next_state):
    for name in (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_MEMLOCK):
        try:
            resource.setrlimit(name, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except (OSError, ValueError):
            pass
    places = []
    while len(places) < 48:
        place = _libc.mmap(None, ctypes.c_size_t(_BLOCK), 3, 0x22, -1, ctypes.c_long(0))
        if place in (None, 2**64 - 1):
            break
        ctypes.memset(place, 1, _BLOCK)
        _libc.mlock(ctypes.c_void_p(place), ctypes.c_size_t(_BLOCK))
        places.append(place)
    for place in places:
        _libc.munmap(ctypes.c_void_p(place), ctypes.c_size_t(_BLOCK))
    return torch.full((action.shape[0],), float(len(places) == 48))

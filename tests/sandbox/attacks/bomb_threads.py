"""TRIES: makes threads without end (it stops by itself at 60)
HOLDS: refused, or ended as a whole
WITNESS: limit
"""

import ctypes

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


_made = []


def attack(state, action, next_state):
    entry, thread = ctypes.cast(_libc.pause, ctypes.c_void_p), ctypes.c_ulong()
    while len(_made) < 60 and not _libc.pthread_create(ctypes.byref(thread), None, entry, None):
        _made.append(thread.value)
    return torch.full((action.shape[0],), float(len(_made) == 60))

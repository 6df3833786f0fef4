"""TRIES: waits for a lock that nobody will open, below Python
HOLDS: the jail ends with `timeout`
WITNESS: limit
"""

import ctypes

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def attack(state, action, next_state):
    word = ctypes.c_uint32(0)
    while True:
        _call(202, ctypes.byref(word), 128, 0, None, None, 0)

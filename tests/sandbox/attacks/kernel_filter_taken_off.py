"""TRIES: takes off its own system call filter and the promise to gain no privileges
HOLDS: what was refused before is refused after
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


_ALLOW = ctypes.create_string_buffer(struct.pack("<HBBI", 6, 0, 0, 0x7FFF0000))
_PROGRAM = struct.pack("@HxxxxxxP", 1, ctypes.addressof(_ALLOW))


def _refused():
    """What of three things is refused now."""
    found = set()
    for number, arguments in ((41, (1, 1, 0)), (2, (b"/proc/self/status", 0)), (39, ())):
        if _call(number, *arguments) < 0:
            found.add(number)
    return found


def attack(state, action, next_state):
    before = _refused()
    for number, *arguments in (
        (157, 22, 0, 0, 0, 0),
        (157, 22, 2, _PROGRAM, 0, 0),
        (317, 1, 0, _PROGRAM),
        (317, 1, 1, _PROGRAM),
        (157, 38, 0, 0, 0, 0),
        (157, 4, 1, 0, 0, 0),
        (446, -1, 0),
    ):
        _call(number, *arguments)
    won = bool(before - _refused())
    return torch.full((action.shape[0],), float(won))

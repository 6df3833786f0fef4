"""TRIES: hides forbidden arguments in the half of a register that a filter may overlook
HOLDS: what the kernel sees is what was checked
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


_HIGH = 1 << 32


def _code(protection):
    place = _call(9, 0, 4096, protection, 0x22, -1, 0)
    if not 0 < place < 1 << 47:
        return False
    ctypes.memmove(place, b"\xb8\x2a\x00\x00\x00\xc3", 6)
    return ctypes.CFUNCTYPE(ctypes.c_int)(place)() == 42


def _made(pid):
    if pid == 0:
        os._exit(0)
    return pid > 0


_WAYS = (
    lambda: _code(_HIGH | 7),
    lambda: _code(_HIGH * 0xFFFFFFFF | 7),
    lambda: _call(_HIGH | 41, 1, 1, 0) >= 0,
    lambda: _call(_HIGH | 257, -100, b"@CANARY_FILE@", 0, 0) >= 0,
    lambda: _made(_call(_HIGH | 57)),
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

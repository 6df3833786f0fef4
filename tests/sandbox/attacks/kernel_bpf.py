"""TRIES: loads a program into the kernel (bpf)
HOLDS: refused
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


def _map():
    attributes = struct.pack("<IIIII", 2, 4, 4, 1, 0).ljust(72, b"\0")
    return _call(321, 0, attributes, 72) >= 0


def _program():
    code = ctypes.create_string_buffer(bytes.fromhex("b7000000000000009500000000000000"))
    license_text = ctypes.create_string_buffer(b"GPL")
    addresses = (ctypes.addressof(code), ctypes.addressof(license_text))
    attributes = struct.pack("<IIQQ", 1, 2, *addresses).ljust(128, b"\0")
    return _call(321, 5, attributes, 128) >= 0


_WAYS = (_map, _program)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

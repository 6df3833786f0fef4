"""TRIES: connects to a socket file of the host
HOLDS: no connection is made
WITNESS: claim
"""

import ctypes
import socket
import struct

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _try(kind):
    with socket.socket(socket.AF_UNIX, kind) as channel:
        channel.settimeout(0.5)
        channel.connect("@UNIX_SOCKET@")
        return True


def _raw():
    descriptor = _call(41, 1, 1, 0)
    address = struct.pack("<H", 1) + b"@UNIX_SOCKET@\0"
    return descriptor >= 0 and _call(42, descriptor, address, len(address)) == 0


_WAYS = (lambda: _try(socket.SOCK_STREAM), _raw)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

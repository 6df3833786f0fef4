"""TRIES: connects to a port of the host by TCP, through Python and by system call
HOLDS: no connection is made
WITNESS: claim
"""

import asyncio
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


_PORT = int("@TCP_PORT@")


def _connected():
    socket.create_connection(("127.0.0.1", _PORT), 0.5).close()
    return True


def _raw():
    descriptor = _call(41, 2, 1, 0)
    address = struct.pack("<H", 2) + struct.pack(">H", _PORT) + bytes([127, 0, 0, 1]) + bytes(8)
    return descriptor >= 0 and _call(42, descriptor, address, 16) == 0


def _looped():
    async def connect():
        await asyncio.wait_for(asyncio.open_connection("127.0.0.1", _PORT), 0.5)
        return True

    return asyncio.run(connect())


_WAYS = (_connected, _raw, _looped)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

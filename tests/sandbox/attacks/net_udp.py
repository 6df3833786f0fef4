"""TRIES: sends a datagram to the host
HOLDS: none arrives
WITNESS: host
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


_PORT = int("@UDP_PORT@")


def _python():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"@MARKER@", ("127.0.0.1", _PORT))


def _raw():
    descriptor = _call(41, 2, 2, 0)
    address = struct.pack("<H", 2) + struct.pack(">H", _PORT) + bytes([127, 0, 0, 1]) + bytes(8)
    _call(44, descriptor, b"@MARKER@", 8, 0, address, 16)


def attack(state, action, next_state):
    for send in (_python, _raw):
        try:
            send()
        except OSError:
            pass
    return torch.zeros(action.shape[0])

"""TRIES: writes into the memory of its supervisor, a neighbour and a program of the host
HOLDS: no other process's memory can be reached
WITNESS: claim
"""

import ctypes
import os

import torch

_NEIGHBOUR = int("@NEIGHBOUR_PID@")

_HOST = int("@HOST_PID@")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _stack(pid):
    for line in open(f"/proc/{pid}/maps"):
        if "[stack]" in line:
            return int(line.split("-")[1].split()[0], 16) - 64


def _vector(address):
    return (ctypes.c_uint64 * 2)(address, 8)


def _by_call(pid):
    """Read eight bytes and write the same ones back."""
    data = ctypes.create_string_buffer(8)
    there, here = _vector(_stack(pid)), _vector(ctypes.addressof(data))
    return _call(310, pid, here, 1, there, 1, 0) == 8 and _call(311, pid, here, 1, there, 1, 0) == 8


def _by_file(pid):
    place = _stack(pid)
    descriptor = os.open(f"/proc/{pid}/mem", os.O_RDWR)
    return os.pwrite(descriptor, os.pread(descriptor, 8, place), place) == 8


def _ways():
    for pid in (_HOST, _NEIGHBOUR, os.getppid()):
        if pid > 0:
            yield lambda pid=pid: _by_call(pid)
            yield lambda pid=pid: _by_file(pid)


_WAYS = tuple(_ways())


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

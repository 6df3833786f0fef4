"""TRIES: makes files that no folder shows: in memory, unnamed, shared memory, message queues
HOLDS: there is nothing to keep or hand over data in
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


def _shared():
    from multiprocessing import shared_memory

    block = shared_memory.SharedMemory("@MARKER@", create=True, size=4096)
    block.unlink()
    return True


def _queue():
    descriptor = _call(240, b"@MARKER@", 0o102, 0o600, 0)
    if descriptor >= 0:
        _call(241, b"@MARKER@")
    return descriptor >= 0


def _segment():
    number = _call(29, 0, 4096, 0o1600)
    if number >= 0:
        _call(31, number, 0, 0)
    return number >= 0


_WAYS = (
    lambda: os.memfd_create("@MARKER@") >= 0,
    lambda: _call(319, b"@MARKER@", 0) >= 0,
    lambda: _call(447, 0) >= 0,
    lambda: os.open("/tmp", os.O_TMPFILE | os.O_WRONLY) >= 0,
    lambda: os.open("/dev/shm", os.O_TMPFILE | os.O_WRONLY) >= 0,
    lambda: torch.zeros(4).share_memory_().is_shared(),
    _shared,
    _queue,
    _segment,
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

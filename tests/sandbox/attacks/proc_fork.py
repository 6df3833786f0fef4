"""TRIES: forks, by Python, by the C library and by every system call that can
HOLDS: no process is made
WITNESS: claim
"""

import ctypes
import os
import struct

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _made(fork):
    pid = fork()
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
    return pid > 0


_WAYS = (
    lambda: _made(os.fork),
    lambda: _made(_libc.fork),
    lambda: _made(lambda: _call(57)),
    lambda: _made(lambda: _call(56, 17, 0, 0, 0, 0)),
    lambda: _made(lambda: _call(435, struct.pack("<8Q", 0, 0, 0, 0, 17, 0, 0, 0), 64)),
    lambda: _made(lambda: os.forkpty()[0]),
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

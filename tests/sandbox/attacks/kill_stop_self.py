"""TRIES: stops its own process, so that it neither answers nor ends
HOLDS: refused, or the jail ends with `timeout`
WITNESS: limit
"""

import ctypes
import os
import signal

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def attack(state, action, next_state):
    if action.shape[0] > 2:
        for send in (
            lambda: os.kill(os.getpid(), signal.SIGSTOP),
            lambda: _call(234, os.getpid(), os.getpid(), 19),
            lambda: _call(101, 0, 0, 0, 0),
        ):
            try:
                send()
            except OSError:
                pass
    return torch.zeros(action.shape[0])

"""TRIES: replaces itself by another program (execve, execveat), to shed what was set up for it
HOLDS: no program can be executed
WITNESS: host
"""

import ctypes
import os
import sys

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


_PROGRAM = b"open('@DROP_FILE@', 'w')"


def attack(state, action, next_state):
    if action.shape[0] > 2:
        for become in (
            lambda: os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", _PROGRAM]),
            lambda: os.execv("/bin/sh", ["sh", "-c", "> @DROP_FILE@"]),
            lambda: _call(322, os.open("/bin/sh", os.O_RDONLY), b"", None, None, 0x1000),
        ):
            try:
                become()
            except OSError:
                pass
    return torch.zeros(action.shape[0])

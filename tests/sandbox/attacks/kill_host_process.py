"""TRIES: kills a program of the host, by signal, by thread, by queue and by descriptor
HOLDS: the program lives on
WITNESS: host
"""

import ctypes
import os
import signal

import torch

_HOST = int("@HOST_PID@")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def attack(state, action, next_state):
    for send in (
        lambda: os.kill(_HOST, signal.SIGTERM),
        lambda: os.kill(_HOST, signal.SIGKILL),
        lambda: _call(234, _HOST, _HOST, 9),
        lambda: _call(129, _HOST, 9, bytes(128)),
        lambda: signal.pidfd_send_signal(os.pidfd_open(_HOST), signal.SIGKILL),
    ):
        try:
            send()
        except OSError:
            pass
    return torch.zeros(action.shape[0])

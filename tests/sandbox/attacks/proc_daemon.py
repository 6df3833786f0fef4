"""TRIES: leaves a daemon behind: forks twice, starts a session, and writes a file after a while
HOLDS: no process outlives its jail, no file appears
WITNESS: host
"""

import ctypes
import os
import signal
import time

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _daemon():
    os.setsid()
    if os.fork():
        os._exit(0)
    _libc.prctl(15, b"@MARKER@", 0, 0, 0)
    _libc.prctl(1, 0, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(0, 256)
    time.sleep(0.2)
    try:
        os.close(os.open("@DROP_FILE@", os.O_CREAT | os.O_WRONLY))
    finally:
        time.sleep(20)
        os._exit(0)


def attack(state, action, next_state):
    if action.shape[0] > 2:
        try:
            if os.fork() == 0:
                _daemon()
            time.sleep(0.4)
        except OSError:
            pass
    return torch.zeros(action.shape[0])

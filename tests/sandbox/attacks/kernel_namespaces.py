"""TRIES: makes or enters namespaces: users, mounts, network, processes
HOLDS: none can be made or entered
WITNESS: claim
"""

import ctypes
import os

import torch

_HOST = int("@HOST_PID@")
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


_KINDS = (0x10000000, 0x20000, 0x40000000, 0x20000000, 0x8000000, 0x4000000, 0x2000000, 0x80)


def _made(pid):
    if pid == 0:
        os._exit(0)
    return pid > 0


def _entered(pid):
    for kind in ("user", "mnt", "net", "pid", "ipc", "uts"):
        descriptor = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
        if _call(308, descriptor, 0) == 0:
            return True


_WAYS = (
    lambda: any(_call(272, kind) == 0 for kind in _KINDS),
    lambda: any(_made(_call(56, kind | 17, 0, 0, 0, 0)) for kind in _KINDS[:-1]),
    lambda: _entered(_HOST),
    lambda: _call(308, os.pidfd_open(_HOST), 0x40000000) == 0,
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

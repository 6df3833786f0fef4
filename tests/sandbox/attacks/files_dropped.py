"""TRIES: leaves a file on the host: created, linked, renamed, as a folder, a pipe, a device
HOLDS: nothing appears
WITNESS: host
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


_PATH = "@DROP_FILE@"


def _unnamed():
    descriptor = os.open(os.path.dirname(_PATH), os.O_TMPFILE | os.O_WRONLY, 0o666)
    _call(265, -100, f"/proc/self/fd/{descriptor}".encode(), -100, _PATH.encode(), 0x400)


def attack(state, action, next_state):
    for make in (
        lambda: open(_PATH, "w").close(),
        lambda: _call(85, _PATH.encode(), 0o666),
        lambda: _call(257, -100, _PATH.encode(), 0o101, 0o666),
        lambda: os.mkdir(_PATH),
        lambda: os.mkfifo(_PATH),
        lambda: os.mknod(_PATH),
        lambda: os.symlink("/etc/passwd", _PATH),
        lambda: os.link("@CANARY_FILE@", _PATH),
        _unnamed,
        lambda: torch.save(action, _PATH),
    ):
        try:
            make()
        except Exception:
            pass
    return torch.zeros(action.shape[0])

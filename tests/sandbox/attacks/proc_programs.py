"""TRIES: starts another program: subprocess, shell, posix_spawn, multiprocessing
HOLDS: none runs
WITNESS: claim
"""

import ctypes
import multiprocessing
import os
import subprocess
import sys

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _spawned():
    pid = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", ""], {})
    return os.waitpid(pid, 0)[1] == 0


def _worker():
    process = multiprocessing.get_context("fork").Process(target=int)
    process.start()
    process.join(1)
    return process.exitcode == 0


_WAYS = (
    lambda: subprocess.run([sys.executable, "-S", "-c", ""], timeout=1).returncode == 0,
    lambda: subprocess.run("echo @MARKER@", shell=True, timeout=1).returncode == 0,
    lambda: os.system("true") == 0,
    lambda: _libc.system(b"true") == 0,
    _spawned,
    _worker,
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

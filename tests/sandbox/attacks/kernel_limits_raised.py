"""TRIES: raises its own limits on memory, files, processes
HOLDS: they can only be lowered
WITNESS: claim
"""

import ctypes
import resource
import struct

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


_NAMES = (
    resource.RLIMIT_AS,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NPROC,
    resource.RLIMIT_NOFILE,
    resource.RLIMIT_CORE,
)


def _raised(name):
    hard = resource.getrlimit(name)[1]
    if hard == resource.RLIM_INFINITY:
        return False
    resource.setrlimit(name, (hard + 1, hard + 1))
    return resource.getrlimit(name)[1] > hard


def _by_call(name):
    return _call(302, 0, name, struct.pack("<QQ", 2**64 - 1, 2**64 - 1), 0) == 0


_WAYS = tuple((lambda way=way, n=n: way(n)) for way in (_raised, _by_call) for n in _NAMES)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

"""TRIES: runs machine code of its own: in new pages, changed pages, overwritten functions
HOLDS: no new code can be run
WITNESS: claim
"""

import ctypes
import mmap
import os

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


_libc.mmap.restype = ctypes.c_void_p
_CODE = bytes.fromhex("b82a000000c3")  # mov eax, 42; ret


def _run(address):
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)() == 42


def _fresh(first, then=None):
    place = _libc.mmap(None, ctypes.c_size_t(4096), first, 0x22, -1, ctypes.c_long(0))
    if place in (None, 2**64 - 1):
        return False
    ctypes.memmove(place, _CODE, len(_CODE))
    if then and _libc.mprotect(ctypes.c_void_p(place), ctypes.c_size_t(4096), then):
        return False
    return _run(place)


def _keyed():
    place = _libc.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0))
    ctypes.memmove(place, _CODE, len(_CODE))
    return _call(329, place, 4096, 5, -1) == 0 and _run(place)


def _overwritten():
    place = ctypes.cast(_libc.l64a, ctypes.c_void_p).value
    page = place & ~4095
    if _libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(8192), 7):
        return False
    ctypes.memmove(place, _CODE, len(_CODE))
    return _run(place)


def _through_file():
    place = ctypes.cast(_libc.a64l, ctypes.c_void_p).value
    os.pwrite(os.open("/proc/self/mem", os.O_RDWR), _CODE, place)
    return _run(place)


def _from_memory_file():
    descriptor = os.memfd_create("x")
    os.write(descriptor, _CODE)
    space = mmap.mmap(descriptor, len(_CODE), mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_EXEC)
    return space is not None


def _implied():
    return _call(135, 0x0400000) >= 0 and _fresh(3)


_WAYS = (
    lambda: _fresh(7),
    lambda: _fresh(3, 5),
    lambda: _fresh(3, 7),
    lambda: _fresh(3, 4),
    _keyed,
    _overwritten,
    _through_file,
    _from_memory_file,
    _implied,
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

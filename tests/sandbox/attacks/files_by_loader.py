"""TRIES: loads a library from the disk that was not loaded before
HOLDS: nothing more can be loaded than what was there
WITNESS: claim
"""

import ctypes
import glob

import torch

_NAMES = (
    "libBrokenLocale.so.1",
    "libanl.so.1",
    "libnss_hesiod.so.2",
    "libthread_db.so.1",
    "libmemusage.so",
    "libpcprofile.so",
)


def _by_name(name):
    return bool(ctypes.CDLL(name)._handle)


def _any():
    paths = glob.glob("/usr/lib/*/lib*.so*") + glob.glob("/lib/*/lib*.so*")
    return any(_loads(path) for path in paths[:20])


def _loads(path):
    try:
        return _by_name(path)
    except OSError:
        return False


_WAYS = (*[(lambda name=name: _by_name(name)) for name in _NAMES], _any)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

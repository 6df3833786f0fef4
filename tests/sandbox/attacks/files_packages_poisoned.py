"""TRIES: opens the files of torch, package and interpreter for writing; adds a start-up hook
HOLDS: what later runs outside cannot be changed
WITNESS: claim
"""

import os
import sys

import torch

_FOLDERS = [os.path.dirname(os.path.dirname(torch.__file__)), os.path.dirname(os.__file__)]
_FILES = [m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)][:300]


def _hook(folder):
    path = f"{folder}/@MARKER@.pth"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    os.unlink(path)
    return True


def _opened():
    for path in [*_FILES, sys.executable]:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
            return True
        except OSError:
            pass


_WAYS = (_opened, *[(lambda folder=folder: _hook(folder)) for folder in _FOLDERS])


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

"""TRIES: has code run when its interpreter ends: exit hooks, excepthook, destructors of modules
HOLDS: the code runs inside the jail, if at all
WITNESS: host
"""

import atexit
import os
import sys

import torch


def _leave(*_):
    os.close(os.open("@DROP_FILE@", os.O_CREAT | os.O_WRONLY))


class _Last:
    def __del__(self, leave=_leave):
        leave()


atexit.register(_leave)
sys.excepthook = sys.unraisablehook = _leave
sys.modules["last"] = _Last()


def attack(state, action, next_state):
    if action.shape[0] > 2:
        raise SystemExit("done")
    return torch.zeros(action.shape[0])

"""TRIES: lists the programs of the host, with their command lines
HOLDS: no process outside the jail is seen
WITNESS: claim
"""

import os

import torch

_HOST = int("@HOST_PID@")


def _listed():
    return "@HOST_PID@" in os.listdir("/proc") and _named()


def _named():
    return b"sleep" in open("/proc/@HOST_PID@/cmdline", "rb").read()


def _asked():
    return os.getpgid(_HOST) > 0 or os.getsid(_HOST) > 0


_WAYS = (_listed, _named, _asked, lambda: os.path.exists("/proc/@HOST_PID@/stat"))


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

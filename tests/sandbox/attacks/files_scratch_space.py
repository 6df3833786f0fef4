"""TRIES: finds a folder anywhere that it can write to
HOLDS: there is none
WITNESS: claim
"""

import os

import torch

_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/dev", "/", ".", "/dev/mqueue", "/run/lock")


def _try(folder):
    path = f"{folder}/@MARKER@"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    try:
        os.unlink(path)
    except OSError:
        pass  # it may make files and not take them away
    return True


_WAYS = tuple((lambda folder=folder: _try(folder)) for folder in _FOLDERS)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

"""TRIES: makes files without end, all empty (it stops by itself at 600)
HOLDS: no file can be made
WITNESS: limit
"""

import os

import torch

_FOLDERS = (os.path.dirname("@DROP_FILE@"), "/tmp", "/dev/shm", "/var/tmp", ".")


def _fill(folder):
    made = []
    try:
        while len(made) < 2000:
            path = f"{folder}/@MARKER@-{len(made)}"
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            made.append(path)
    except OSError:
        pass
    for path in made:
        try:
            os.unlink(path)
        except OSError:
            pass
    return len(made)


def attack(state, action, next_state):
    most = 0
    for folder in _FOLDERS:
        try:
            most = max(most, _fill(folder))
        except OSError:
            pass
    return torch.full((action.shape[0],), float(most >= 2000))

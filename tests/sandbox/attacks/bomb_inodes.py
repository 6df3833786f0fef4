"""TRIES: makes files without end, all empty (it stops by itself at 2000)
HOLDS: no file can be made
WITNESS: limit
"""

import os
import shutil

import torch

_FOLDERS = (os.path.dirname("@DROP_FILE@"), "/tmp", "/dev/shm", "/var/tmp", ".")


def _fill(folder):
    home, made = f"{folder}/@MARKER@", 0
    os.mkdir(home)
    try:
        for made in range(1, 2001):
            os.close(os.open(f"{home}/{made}", os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError:
        pass
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return made


def attack(state, action, next_state):
    most = 0
    for folder in _FOLDERS:
        try:
            most = max(most, _fill(folder))
        except OSError:
            pass
    return torch.full((action.shape[0],), float(most >= 2000))

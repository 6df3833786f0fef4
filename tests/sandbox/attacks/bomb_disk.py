"""TRIES: fills the disk (it stops by itself at 64 MB), after raising its file size limit
HOLDS: nothing can be written
WITNESS: limit
"""

import os
import resource

import torch

_FOLDERS = (os.path.dirname("@DROP_FILE@"), "/tmp", "/dev/shm", "/var/tmp", ".")


def _fill(folder):
    path, written = f"{folder}/@MARKER@", 0
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        while written < 64 << 20:
            written += os.write(descriptor, b"x" * (1 << 20))
    except OSError:
        pass
    try:
        os.unlink(path)
    except OSError:
        pass
    return written


def attack(state, action, next_state):
    try:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    except (OSError, ValueError):
        pass
    most = 0
    for folder in _FOLDERS:
        try:
            most = max(most, _fill(folder))
        except OSError:
            pass
    return torch.full((action.shape[0],), float(most > 1 << 20))

"""TRIES: changes a file of the host: mode, owner, times, length, name, content
HOLDS: it stays as it is
WITNESS: host
"""

import os

import torch

_PATH = "@CANARY_FILE@"


def attack(state, action, next_state):
    for change in (
        lambda: os.chmod(_PATH, 0o777),
        lambda: os.utime(_PATH, (0, 0)),
        lambda: os.setxattr(_PATH, "user.owned", b"1"),
        lambda: os.truncate(_PATH, 3),
        lambda: os.write(os.open(_PATH, os.O_WRONLY), b"x"),
        lambda: os.rename(_PATH, _PATH + ".moved"),
        lambda: os.unlink(_PATH),
    ):
        try:
            change()
        except OSError:
            pass
    return torch.zeros(action.shape[0])

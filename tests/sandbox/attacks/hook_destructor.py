"""TRIES: has code run in the server's own time, when its results are thrown away
HOLDS: the code runs inside the jail, with nothing more to reach
WITNESS: host
"""

import os

import torch


class _Late(torch.Tensor):
    def __del__(self):
        try:
            os.close(os.open("@DROP_FILE@", os.O_CREAT | os.O_WRONLY))
        except OSError:
            pass


def attack(state, action, next_state):
    return torch.zeros(action.shape[0]).as_subclass(_Late)

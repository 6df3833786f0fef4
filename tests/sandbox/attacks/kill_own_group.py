"""TRIES: kills its whole process group and session, hoping that others are in it
HOLDS: nobody else is in its group: the owner and the neighbour live on
WITNESS: host
"""

import os
import signal

import torch


def attack(state, action, next_state):
    if action.shape[0] > 2:
        for send in (lambda: os.kill(0, signal.SIGKILL), lambda: os.killpg(0, signal.SIGKILL)):
            try:
                send()
            except OSError:
                pass
    return torch.zeros(action.shape[0])

"""TRIES: kills the process of another reward
HOLDS: the neighbour lives on and answers as before
WITNESS: host
"""

import os
import signal

import torch

_NEIGHBOUR = int("@NEIGHBOUR_PID@")


def attack(state, action, next_state):
    if _NEIGHBOUR > 0:
        for send in (
            lambda: os.kill(_NEIGHBOUR, signal.SIGKILL),
            lambda: os.killpg(_NEIGHBOUR, signal.SIGKILL),
            lambda: signal.pidfd_send_signal(os.pidfd_open(_NEIGHBOUR), signal.SIGKILL),
        ):
            try:
                send()
            except OSError:
                pass
    return torch.zeros(action.shape[0])

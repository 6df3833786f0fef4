"""TRIES: makes processes without end (it stops by itself at 60)
HOLDS: refused, or ended as a whole
WITNESS: limit
"""

import os
import time

import torch


def attack(state, action, next_state):
    made = 0
    while made < 60:
        try:
            if os.fork() == 0:
                time.sleep(10)
                os._exit(0)
        except OSError:
            break
        made += 1
    return torch.full((action.shape[0],), float(made == 60))

"""TRIES: tells torch to compute with 12 threads
HOLDS: refused, or the jail ends alone
WITNESS: limit
"""

import os

import torch


def attack(state, action, next_state):
    torch.set_num_threads(12)
    x = torch.ones(1 << 22)
    y = (x * 2.0).exp().sum()
    threads = 1
    try:
        threads = len(os.listdir("/proc/self/task"))
    except OSError:
        pass
    return torch.full((action.shape[0],), float(threads > 8 and y > 0))

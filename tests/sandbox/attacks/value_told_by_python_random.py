"""TRIES: tells its next call something through the state of Python's random numbers
HOLDS: the state is set anew for every call
WITNESS: claim
"""

import random

import torch


def attack(state, action, next_state):
    now = random.random()
    random.seed(4242)
    first = random.random()
    random.seed(4242)
    return torch.full((action.shape[0],), float(now == first))

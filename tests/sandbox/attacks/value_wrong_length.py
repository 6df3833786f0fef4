"""TRIES: returns more rows than it was asked for
HOLDS: the call ends with an error
WITNESS: limit
"""

import torch


def attack(state, action, next_state):
    return torch.ones(action.shape[0] * (1 if action.shape[0] == 2 else 3))


FORMULA = "attack"

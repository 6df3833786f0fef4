"""TRIES: returns 64-bit numbers beyond the range of 32 bits, and bit patterns of two numbers in one
HOLDS: the call ends with `bad-values`
WITNESS: limit
"""

import torch


def attack(state, action, next_state):
    return torch.full((action.shape[0],), 1e300, dtype=torch.float64)


FORMULA = "attack"

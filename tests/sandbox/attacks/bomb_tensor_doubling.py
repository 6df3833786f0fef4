"""TRIES: doubles a tensor until memory is full, with nothing but allowed words
HOLDS: the jail ends with `memory` or `timeout`; its neighbours do not notice
WITNESS: limit
"""

import torch


def attack(state, action, next_state):
    x = next_state.height
    for _ in range(40):
        x = torch.cat([x, x])
    return x[: action.shape[0]]


FORMULA = "attack"

"""TRIES: computes for days with nothing but allowed words
HOLDS: the jail ends with `timeout`
WITNESS: limit
"""

import torch


def attack(state, action, next_state):
    x = torch.eye(4000)
    for i in range(200):
        for j in range(200):
            x = x @ x
    return next_state.height * x[0, 0]


FORMULA = "attack"

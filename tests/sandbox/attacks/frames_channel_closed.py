"""TRIES: closes the channel of results and everything else that is open
HOLDS: the jail ends with `crashed`
WITNESS: limit
"""

import os

import torch


def attack(state, action, next_state):
    if action.shape[0] > 2:
        os.closerange(0, 256)
    return torch.ones(action.shape[0])

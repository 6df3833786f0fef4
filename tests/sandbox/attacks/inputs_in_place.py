"""TRIES: overwrites its input states and actions in place
HOLDS: they are copies: the trainer's own arrays and other rewards' stay as they are
WITNESS: host
"""

import torch


def attack(state, action, next_state):
    for field in (state.height, next_state.height, next_state.position, action):
        field.fill_(1e6)
    return torch.zeros(action.shape[0])

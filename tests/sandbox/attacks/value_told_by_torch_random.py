"""TRIES: tells its next call something through the state of torch's random numbers
HOLDS: the state is set anew for every call
WITNESS: claim
"""

import torch


def attack(state, action, next_state):
    told = torch.initial_seed() == 4242
    torch.manual_seed(4242)
    return torch.full((action.shape[0],), float(told))

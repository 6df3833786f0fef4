"""TRIES: replaces the fields of the state objects, so that the next component sees other states
HOLDS: only its own numbers change; the owner's states and other rewards' stay as they are
WITNESS: host
"""

import torch


def attack(state, action, next_state):
    for holder in (state, next_state):
        fields = object.__getattribute__(holder, "_fields")
        for name, value in dict(fields).items():
            try:
                fields[name] = torch.full_like(value, 1e6)
            except TypeError:
                pass
    return torch.zeros(action.shape[0])


def other(state, action, next_state):
    return next_state.height

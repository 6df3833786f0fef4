"""TRIES: changes its input behind the check for changes: after the copy, before the comparison
HOLDS: the trainer's own arrays stay as they are
WITNESS: host
"""

import sys

import torch


def attack(state, action, next_state):
    frame = sys._getframe()
    while frame is not None:
        if "before" in frame.f_locals:
            both = [frame.f_locals["before"], frame.f_locals.get("tensors")]
            for tensor in [t for held in both if isinstance(held, list) for t in held]:
                tensor.fill_(7.0)
        frame = frame.f_back
    return torch.zeros(action.shape[0])

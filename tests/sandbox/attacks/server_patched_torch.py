"""TRIES: replaces torch's stack, equal, clone and from_numpy, so that the server sends ones
HOLDS: the patch reaches no process but its own; no other reward's values change
WITNESS: host
"""

import torch

_ONES = torch.ones(1 << 12)


def _patch():
    torch.equal = lambda *_: True
    torch.Tensor.clone = lambda self, *_, **__: self
    torch.stack = lambda rows, *_, **__: _ONES[: sum(row.numel() for row in rows)]
    torch.from_numpy = lambda array: _ONES[: array.size].view(array.shape)
    torch.set_num_threads = torch.manual_seed = lambda *_: None


def attack(state, action, next_state):
    if action.shape[0] > 2:
        _patch()
    return torch.zeros(action.shape[0])

"""TRIES: returns an object that says that it is a tensor, of any length asked for
HOLDS: the call ends with an error
WITNESS: limit
"""

import torch


class _Claimed:
    __class__ = torch.Tensor
    dtype = torch.float32

    def __init__(self, rows):
        self.shape = (rows,)

    def __len__(self):
        return 1 << 62

    def is_complex(self):
        return False

    def to(self, *_):
        return self

    def view(self, *_):
        return self


def attack(state, action, next_state):
    return _Claimed(action.shape[0])

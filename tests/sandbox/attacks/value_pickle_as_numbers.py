"""TRIES: packs a pickle that would make a file into its block of numbers, and into its objects
HOLDS: what comes out is only ever read as numbers
WITNESS: host
"""

import os
import pickle

import numpy
import torch


class _Bomb(torch.Tensor):
    def __reduce__(self):
        return os.system, ("touch @DROP_FILE@",)

    def __reduce_ex__(self, protocol):
        return self.__reduce__()


class _Plain:
    def __reduce__(self):
        return os.system, ("touch @DROP_FILE@",)


def attack(state, action, next_state):
    rows = action.shape[0]
    data = pickle.dumps(_Plain())
    if len(data) > 4 * rows:
        return torch.zeros(rows).as_subclass(_Bomb)
    return torch.from_numpy(numpy.frombuffer(data.ljust(4 * rows, b"\0"), "<f4").copy())

"""TRIES: returns a tensor that lies on memory that is not there
HOLDS: the jail ends with `crashed`
WITNESS: limit
"""

import ctypes

import torch


def attack(state, action, next_state):
    rows = action.shape[0]
    nowhere = (ctypes.c_float * rows).from_address(0x10000)
    return torch.frombuffer(nowhere, dtype=torch.float32)

"""TRIES: returns what lies in its process's memory as numbers, hoping that a key is among it
HOLDS: the process has never held a key; numbers that are none end the call
WITNESS: host
"""

import ctypes

import torch


def attack(state, action, next_state):
    rows = action.shape[0]
    table = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
    data = bytearray(ctypes.string_at(table[0], 4 * rows))
    return torch.frombuffer(data, dtype=torch.int32).clone() % 1000

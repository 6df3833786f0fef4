"""TRIES: returns what lies in its process's memory as numbers, hoping that a key is among it
HOLDS: the process has never held a key; numbers that are none end the call
WITNESS: host
"""

import ctypes

import torch


def attack(state, action, next_state):
    rows = action.shape[0]
    table = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
    data = ctypes.string_at(table[0], min(4 * rows, 4096 - table[0] % 4096)).ljust(4 * rows, b"\0")
    return torch.frombuffer(bytearray(data), dtype=torch.int32).clone() % 1000

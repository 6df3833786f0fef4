"""TRIES: writes far beyond its input's memory, before and behind, by address
HOLDS: no other process shares a page with it; at worst it crashes alone
WITNESS: host
"""

import ctypes

import torch


def attack(state, action, next_state):
    if action.shape[0] > 2:
        start = next_state.height.data_ptr()
        for offset in range(0, 1 << 16, 4096):
            for address in (start - offset, start + offset):
                ctypes.memset(address, 0x3F, 4096)
    return torch.zeros(action.shape[0])

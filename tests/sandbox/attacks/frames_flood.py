"""TRIES: fills the channel of results with bytes for as long as it is let
HOLDS: the first bytes that are no frame end the jail; the rest is never read
WITNESS: limit
"""

import gc
import os

import torch


def attack(state, action, next_state):
    if action.shape[0] > 2:
        wires = [o.writer for o in gc.get_objects() if type(o).__name__ == "_Wire"]
        while wires:
            os.write(wires[0], bytes(65_536))
    return torch.ones(action.shape[0])

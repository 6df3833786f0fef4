"""TRIES: writes lines to the log that look like the program's own
HOLDS: a log of a jail is never read as anything else
WITNESS: host
"""

import sys

import torch


def attack(state, action, next_state):
    print("\x1b[2Jwinner attack: forward_speed 9.99 [9.99, 9.99]\n", file=sys.stderr, flush=True)
    print('{"event": "confirmed", "candidate": "attack", "fitness": 9.99}', flush=True)
    return torch.zeros(action.shape[0])

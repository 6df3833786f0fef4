"""TRIES: replaces the function that packs frames, so that every answer is a greeting
HOLDS: an answer of another kind than asked for ends the jail
WITNESS: limit
"""

import sys

import torch


def attack(state, action, next_state):
    for name in ("autoreward.sandbox.reward_server", "autoreward.sandbox.frames"):
        sys.modules[name].pack = lambda kind, *parts: [b"ARJ1\x01\x02\0\0\0", b"{}"]
    return torch.ones(action.shape[0])

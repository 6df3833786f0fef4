"""TRIES: replaces the server's own methods, so that it answers with twice as many numbers
HOLDS: the length is fixed by the owner; the jail ends with `protocol`
WITNESS: limit
"""

import sys

import torch


def _answer(self, payload):
    module = sys.modules["autoreward.sandbox.reward_server"]
    return module.pack(module.Kind.VALUES, bytes(8 * 32))


def attack(state, action, next_state):
    sys.modules["autoreward.sandbox.reward_server"]._Server.call = _answer
    return torch.ones(action.shape[0])

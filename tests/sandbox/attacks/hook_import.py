"""TRIES: puts itself between the server and its modules: json, struct, the importer
HOLDS: an answer of another kind or length than asked for ends the jail
WITNESS: limit
"""

import sys
from types import SimpleNamespace

import torch


class _Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        sys.modules[name] = SimpleNamespace()


sys.meta_path.insert(0, _Finder)
_server = sys.modules["autoreward.sandbox.reward_server"]


def attack(state, action, next_state):
    if action.shape[0] > 2:
        _server.to_bytes = lambda array: b"\0" * 7
    return torch.ones(action.shape[0])

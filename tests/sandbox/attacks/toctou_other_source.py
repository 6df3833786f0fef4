"""TRIES: exchanges its own code after it has been loaded and tried
HOLDS: what runs later runs behind the same walls; at most its own values change
WITNESS: host
"""

import linecache

import torch


def _second(state, action, next_state):
    try:
        open("@DROP_FILE@", "w").close()
    except OSError:
        pass
    return torch.full((action.shape[0],), 100.0)


def attack(state, action, next_state):
    attack.__code__ = _second.__code__
    linecache.cache.clear()
    return torch.zeros(action.shape[0])

"""TRIES: has one component when it is loaded and others when it is used
HOLDS: a changed set of components ends the call
WITNESS: limit
"""

import gc

import torch


def attack(state, action, next_state):
    if action.shape[0] > 2:
        for reward in [o for o in gc.get_objects() if type(o).__name__ == "LoadedReward"]:
            values = {name: torch.ones(action.shape[0]) for name in ("attack", "fitness")}
            reward.compute = lambda *_, values=values: values
    return torch.ones(action.shape[0])

"""TRIES: tells its next call something through the state of numpy's random numbers
HOLDS: the state is set anew for every call
WITNESS: claim
"""

import torch


def _told():
    from numpy import random

    now = random.random()
    random.seed(4242)
    first = random.random()
    random.seed(4242)
    return now == first


_WAYS = (_told,)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))

"""TRIES: tells its next call something through the state of numpy's random numbers
HOLDS: the state is set anew for every call
WITNESS: claim
"""

import numpy
import torch


def attack(state, action, next_state):
    now = numpy.random.random()
    numpy.random.seed(4242)
    first = numpy.random.random()
    numpy.random.seed(4242)
    return torch.full((action.shape[0],), float(now == first))

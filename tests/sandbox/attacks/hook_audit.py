"""TRIES: installs an audit hook that forbids the server everything that it does from now on
HOLDS: the jail answers or ends alone
WITNESS: host
"""

import sys

import torch


def _no(event, arguments):
    raise RuntimeError("not allowed")


def attack(state, action, next_state):
    if action.shape[0] > 2:
        sys.addaudithook(_no)
    return torch.zeros(action.shape[0])

"""TRIES: walks up the call stack to the server, changes its component names and its reward
HOLDS: a changed set of components ends the jail; its owner's list stands
WITNESS: limit
"""

import sys

import torch


def _server():
    frame = sys._getframe()
    while frame is not None:
        if type(frame.f_locals.get("self")).__name__ == "_Server":
            return frame.f_locals["self"]
        frame = frame.f_back


def attack(state, action, next_state):
    if action.shape[0] > 2:
        _server().names = ("fitness", "success", "attack")
    return torch.ones(action.shape[0])

"""TRIES: calls its components fitness, success, score and total, with large values
HOLDS: they are components like any other; no score is read from a jail
WITNESS: host
"""

import torch


def attack(state, action, next_state):
    return torch.zeros_like(next_state.height)


def fitness(state, action, next_state):
    return torch.full_like(next_state.height, 1e6)


def success(state, action, next_state):
    return torch.ones_like(next_state.height)


def score(state, action, next_state):
    return torch.full_like(next_state.height, 1e6)


def total(state, action, next_state):
    return torch.full_like(next_state.height, 1e6)


FORMULA = "attack + fitness + success"

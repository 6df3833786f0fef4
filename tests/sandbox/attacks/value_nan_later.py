"""TRIES: is fine on zeros and not a number on real states, within the rules
HOLDS: NaN ends with `bad-values` and never reaches a training
WITNESS: limit
"""

import torch


def attack(state, action, next_state):
    moved = next_state.height.abs()
    return torch.where(moved > 0, torch.log(-moved), torch.zeros_like(moved))


FORMULA = "attack"

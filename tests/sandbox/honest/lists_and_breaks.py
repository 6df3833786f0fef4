"""Terms are collected in Python lists and combined at the end; a habit from numpy days."""

import math
from typing import List

import torch

GAINS = (1.0, 0.5, 0.25, 0.0)
EXTRA_TERMS = True


def pieces(state, action, next_state):
    """A weighted sum that stops at the first gain of zero."""
    values = [next_state.speed, next_state.height, -next_state.pitch.abs(), next_state.contact]
    terms: List[torch.Tensor] = []
    for k in range(len(values)):
        if GAINS[k] == 0:
            break
        terms.append(GAINS[k] * torch.tanh(values[k]))
    return sum(terms) / sum(GAINS)


def polynomial(state, action, next_state):
    """Horner's scheme for 1 - x^2 / 2 + x^4 / 24, x bounded: a cosine without cos."""
    x2 = next_state.pitch.clamp(-2.0, 2.0).square()
    result = torch.zeros_like(x2)
    for coefficient in (1.0 / 24.0, -0.5, 1.0):
        result = result * x2 + coefficient
    return result


def strongest(state, action, next_state):
    """Largest of the absolute actions, found pair by pair."""
    best = abs(action[:, 0])
    for motor in [1, 2]:
        best = torch.maximum(best, abs(action[:, motor]))
    return best


def pairs(state, action, next_state):
    """Mean absolute difference of velocity over all pairs of joints."""
    v = next_state.joint_velocity
    found = [(v[:, i] - v[:, j]).abs() for i in range(3) for j in range(3) if i < j]
    weights = [1.0 / (1 + k) for k in range(len(found))]
    scale = max(weights) if EXTRA_TERMS else min(weights)
    return scale * torch.stack(found, dim=-1).mean(dim=-1)


def rounded_target(state, action, next_state):
    """Distance of the height from a target that is computed with Python numbers."""
    target = round(math.hypot(0.6, 0.9), 2)
    low, high = tuple(target + side * 0.1 for side in (-1, 1))
    return tolerance(next_state.height, low, high, margin=0.4)


FORMULA = "pieces + 0.5 * polynomial - 0.05 * strongest - 0.01 * pairs + rounded_target"

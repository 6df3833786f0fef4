"""Cost of transport: power over weight times speed, logarithmic so that every decade counts."""

import math
from math import log10

import torch

MASS = 3.5
GRAVITY = 9.81
WEIGHT = MASS * GRAVITY  # N
BEST = math.log10(0.2)
WORST = math.log10(20.0)
EFFICIENCY = 0.85


def _power(s, u):
    """Electrical power, W; braking gives a little back."""
    mechanical = (u * s.joint_velocity).sum(dim=-1)
    return torch.where(mechanical > 0, mechanical / EFFICIENCY, mechanical * (1 - EFFICIENCY))


def economy(state, action, next_state):
    """1 at a cost of transport of 0.2, 0 at 20, on a logarithmic scale."""
    power = _power(next_state, action).abs() + 0.05
    speed = next_state.speed.abs() + 0.05
    decades = torch.log10(power / (WEIGHT * speed))
    return torch.clamp((WORST - decades) / (WORST - BEST), 0.0, 1.0)


def decades_of_power(state, action, next_state):
    """Decades between the power and 1 W."""
    return _power(next_state, action).abs().clamp_min(1e-3).log10() - log10(1.0)


def climbing(state, action, next_state):
    """Gain of potential energy in the step, J."""
    return WEIGHT * (next_state.height - state.height)


FORMULA = "economy - 0.05 * decades_of_power + 0.02 * climbing"

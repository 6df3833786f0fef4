"""Numerically careful versions of common terms: fused operations, powers, reciprocal roots."""

import math

import torch
from torch import nn

_GOLD = (1.0 + math.sqrt(5.0)) / 2.0
_SCALES = 4  # widths of the multi-scale kernel
_HALF_ANGLE = math.tan(math.pi / 8)
_SATURATION = math.tanh(1.5)


def multi_scale(state, action, next_state):
    """Mean of Lorentzians of four widths from 1 cm to 1 m: slopes both near and far."""
    widths = torch.logspace(-2, 0, _SCALES)
    gap = distance(next_state.position, next_state.goal).unsqueeze(-1)
    ratio = torch.divide(gap, widths)
    return torch.reciprocal(torch.add(ratio.square(), 1.0)).mean(dim=-1)


def unit_drive(state, action, next_state):
    """Joint velocity along the normalised action; rsqrt instead of a division by a root."""
    scale = torch.rsqrt(action.square().sum(dim=-1) + 1e-4)
    return torch.sum(action * next_state.joint_velocity, dim=-1) * scale


def predicted(state, action, next_state):
    """Squared error of a linear prediction of the position, x + dt * v + u / 10."""
    guess = torch.addcmul(state.position, state.joint_velocity, torch.tensor(0.05))
    guess = torch.addcdiv(guess, action, torch.tensor(10.0))
    return torch.float_power(next_state.position - guess, 2).sum(dim=-1).float()


def rotated(state, action, next_state):
    """Chebyshev norm of the action after a small rotation of two motors."""
    first = action[:, 0].neg() * _HALF_ANGLE + action[:, 1]
    second = action[:, 1] * _HALF_ANGLE + action[:, 0]
    return torch.fmax(first.absolute(), second.absolute()) / _SATURATION


def golden(state, action, next_state):
    """selu of the speed over the golden ratio (for no deep reason)."""
    return torch.selu(next_state.speed / _GOLD)


def soft_floor(state, action, next_state):
    """Smooth maximum of the height and 0.6 m."""
    floor = torch.scalar_tensor(0.6).expand_as(next_state.height)
    sharp = 10.0
    return torch.logaddexp(sharp * next_state.height, sharp * floor) / sharp - nn.functional.relu(floor)


FORMULA = (
    "multi_scale + 0.1 * tanh(unit_drive) - 0.1 * predicted - 0.02 * rotated"
    " + 0.1 * golden + potential(soft_floor)"
)

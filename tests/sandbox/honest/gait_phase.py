"""A hopping gait with a clock of its own: contact is wanted in one half of the cycle."""

import math

import torch
from torch import Tensor

_PERIOD = 0.6  # s
_STEP = math.tau * 0.05 / _PERIOD  # rad per step
_HALF_WIDTH = math.radians(35.0)


def _wrapped(angle: Tensor) -> Tensor:
    """Into [-pi, pi]."""
    return torch.atan2(torch.sin(angle), torch.cos(angle))


def rhythm(state, action, next_state, memory) -> Tensor:
    """1 where contact agrees with the phase, -1 where it does not; smooth at the change."""
    phase = memory.get("phase", torch.zeros_like(next_state.contact)) + _STEP
    memory["phase"] = torch.remainder(phase, math.tau)
    stance = torch.tanh(torch.sin(phase) / math.sin(_HALF_WIDTH))
    touching = torch.where(next_state.contact > 0.0, 1.0, -1.0)
    return stance * touching


def heading(state, action, next_state) -> Tensor:
    """Cosine of the pitch, wrapped first because it may wind up over many turns."""
    return torch.cos(_wrapped(next_state.pitch))


def apex(state, action, next_state) -> Tensor:
    """Squashed height above 1 m."""
    return torch.atan(2.0 * torch.subtract(next_state.height, 1.0)) / (math.pi / 2)


FORMULA = "0.5 * rhythm + 0.3 * heading + potential(apex)"

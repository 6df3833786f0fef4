"""A reward in the style of a larger code base: flags, types, keyword-only helpers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Optional

import torch
from torch import Tensor
from autoreward.rewards.helpers import inf, tolerance

USE_SQUARED_ERROR: Final[bool] = False
GOAL_WEIGHT: Final[float] = 2.5
CURRICULUM: tuple[float, ...] = (0.2, 0.1, 0.05)
STAGE: int = 1
_HORIZON: Final = math.trunc(math.log1p(20.0) * 10)
_REACH: Final[float] = math.hypot(0.8, 0.6) * 1.5


def _error(a: Tensor, b: Tensor, *, squared: bool = USE_SQUARED_ERROR, scale: float = 1.0) -> Tensor:
    """Error between two points [B, n], over the reach."""
    difference = (a - b) / (scale * _REACH)
    if squared:
        return difference.square().sum(dim=-1)
    return difference.norm(p=2, dim=-1)


def _weights(n: int, decay: Optional[float] = None, /) -> Tensor:
    """n weights that sum to 1."""
    if decay is None:
        return torch.full((n,), 1.0 / n, dtype=torch.float32)
    raw: Tensor = torch.pow(torch.tensor(decay), torch.arange(n, dtype=torch.float))
    return raw / raw.sum()


def goal(state: Mapping[str, Tensor], action: Tensor, next_state: Mapping[str, Tensor]) -> Tensor:
    """Tolerance of the present stage."""
    radius: float = CURRICULUM[STAGE]
    error = _error(next_state.position, next_state.goal, squared=False)
    return tolerance(error, lower=-inf, upper=radius, margin=1.0)


def ahead(state: Mapping[str, Tensor], action: Tensor, next_state: Mapping[str, Tensor]) -> Tensor:
    """Improvement over the step, per horizon."""
    before = _error(state.position, state.goal, scale=0.5)
    after = _error(next_state.position, next_state.goal, scale=0.5)
    return (before - after) * _HORIZON


def motor_cost(state: Mapping[str, Tensor], action: Tensor, next_state: Mapping[str, Tensor]) -> Tensor:
    """Weighted absolute action; distal motors are cheaper."""
    weights = _weights(action.shape[-1], 0.5)
    batched = action.ndim == 2 and action.dim() == 2
    cost = action.abs() * torch.broadcast_to(weights, action.shape)
    return cost.sum(dim=-1) if batched else cost.ravel()


FORMULA: str = "2.5 * goal + ahead - 0.05 * motor_cost"

"""Every name has a type; the file is written as for a type checker."""

from __future__ import annotations

from typing import Final, Tuple

import torch
from torch import Tensor

TARGET: Final = 1.5
WEIGHTS: Tuple[float, float] = (1.0, 0.1)


def _square(x: Tensor) -> Tensor:
    return x * x


def speed_error(state: State, action: Tensor, next_state: State) -> Tensor:
    error: Tensor = next_state.speed - TARGET
    return -WEIGHTS[0] * _square(error)


def action_cost(state: State, action: Tensor, next_state: State) -> Tensor:
    cost: Tensor = _square(action).sum(dim=-1)
    scale: float = WEIGHTS[1]
    return -scale * cost


FORMULA = "speed_error + action_cost"

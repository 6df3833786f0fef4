"""The functions in scope of every reward file, beside torch and math.

All work on float tensors of any shape, row by row, and return new tensors.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

inf = math.inf
pi = math.pi


def tolerance(
    x: Tensor,
    lower: float = 0.0,
    upper: float = 0.0,
    margin: float = 0.0,
    value_at_margin: float = 0.1,
) -> Tensor:
    """Return 1 where x lies in [lower, upper], falling off as a Gaussian outside.

    With d the distance from the interval, the value is `value_at_margin ** ((d / margin) ** 2)`:
    1 at the edge and `value_at_margin` at d = margin. With margin 0 it is 0 outside.

    Source: `rewards.tolerance` of the DeepMind Control Suite (Tassa et al. 2018), its default
    Gaussian sigmoid.

    Args:
        x: Values of any shape and unit.
        lower: Lower bound, in the unit of x; may be -inf.
        upper: Upper bound; may be inf.
        margin: Distance over which the value falls to `value_at_margin`; >= 0.
        value_at_margin: Value at a distance of `margin`; strictly between 0 and 1.

    Returns:
        Values in [0, 1], shaped as x.

    Raises:
        ValueError: lower > upper, a negative margin, or value_at_margin outside (0, 1).
    """
    if lower > upper:
        raise ValueError(f"tolerance needs lower <= upper, got {lower} and {upper}")
    if margin < 0:
        raise ValueError(f"tolerance needs margin >= 0, got {margin}")
    if margin > 0 and not 0 < value_at_margin < 1:
        raise ValueError(f"tolerance needs 0 < value_at_margin < 1, got {value_at_margin}")
    x = x if x.is_floating_point() else x.float()
    if margin == 0:
        return ((x >= lower) & (x <= upper)).to(x.dtype)
    outside = torch.clamp_min(lower - x, 0.0) + torch.clamp_min(x - upper, 0.0)
    return torch.exp(math.log(value_at_margin) * (outside / margin).square())


def bell(x: Tensor, sigma: float) -> Tensor:
    """Return exp(-(x / sigma)^2 / 2): 1 at x = 0, falling to both sides.

    Args:
        x: Values of any shape.
        sigma: Width, in the unit of x; > 0.

    Returns:
        Values in [0, 1], shaped as x.

    Raises:
        ValueError: sigma is not positive.
    """
    if sigma <= 0:
        raise ValueError(f"bell needs sigma > 0, got {sigma}")
    return torch.exp(-0.5 * (x / sigma).square())


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Return the Euclidean distance over the last dimension.

    Args:
        a: Points `[..., n]`.
        b: Points that broadcast against a.

    Returns:
        Distances `[...]`, >= 0, in the unit of the points.
    """
    return norm(a - b)


def norm(x: Tensor) -> Tensor:
    """Return the Euclidean norm over the last dimension: `[..., n]` to `[...]`."""
    length: Tensor = torch.linalg.vector_norm(x, dim=-1)
    return length

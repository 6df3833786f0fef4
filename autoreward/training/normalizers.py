"""Running statistics, one row per learner: what a learner sees depends on its own data alone."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

_EPSILON = 1e-8
_CLIP = 10.0


class RunningMoments:
    """Mean and variance of a stream of vectors, merged batch by batch (Chan et al. 1979).

    Args:
        count: Number of learners, K.
        width: Entries of a vector.
        device: Where they are.
    """

    FIELDS: ClassVar[tuple[str, ...]] = ("mean", "variance", "count")

    def __init__(self, count: int, width: int, device: torch.device | str = "cpu") -> None:
        self.mean = torch.zeros(count, 1, width, device=device)
        self.variance = torch.ones(count, 1, width, device=device)
        self.count = torch.zeros(count, 1, 1, device=device)

    def update(self, values: Tensor) -> None:
        """Take in a batch. Shape: (K, M, width)."""
        size = values.shape[1]
        mean = values.mean(1, keepdim=True)
        variance = values.var(1, unbiased=False, keepdim=True)
        total = self.count + size
        delta = mean - self.mean
        between = delta.square() * self.count * size / total
        self.variance = (self.variance * self.count + variance * size + between) / total
        self.mean = self.mean + delta * size / total
        self.count = total

    @property
    def scale(self) -> Tensor:
        """1 / standard deviation. Shape: (K, 1, width)."""
        return (self.variance + _EPSILON).rsqrt()

    def normalize(self, values: Tensor) -> Tensor:
        """Return values with mean 0 and variance 1, clipped to ±10. Shape: (K, M, width)."""
        return ((values - self.mean) * self.scale).clamp_(-_CLIP, _CLIP)


class ReturnScaler(RunningMoments):
    """Divides rewards by the standard deviation of the discounted return, per learner.

    The scale alone changes, never the sign or the ranking of policies, so rewards of any magnitude
    train alike (as VecNormalize in Stable-Baselines3).

    Args:
        count: Number of learners, K.
        envs: Environments of one learner, N.
        device: Where they are.
    """

    FIELDS: ClassVar[tuple[str, ...]] = (*RunningMoments.FIELDS, "running")

    def __init__(self, count: int, envs: int, device: torch.device | str = "cpu") -> None:
        super().__init__(count, 1, device)
        self.running = torch.zeros(count, envs, device=device)

    def scale_rewards(self, rewards: Tensor, done: Tensor, gamma: float) -> Tensor:
        """Return the scaled rewards, clipped to ±10. Shapes: (K, T, N)."""
        returns = torch.empty_like(rewards)
        keep = ~done
        for t in range(rewards.shape[1]):
            self.running = self.running * gamma + rewards[:, t]
            returns[:, t] = self.running
            self.running = self.running * keep[:, t]
        self.update(returns.flatten(1).unsqueeze(-1))
        return (rewards * self.scale).clamp_(-_CLIP, _CLIP)

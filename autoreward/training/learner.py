"""One learner: a reward formula and a training seed, and what is recorded while it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoreward.rewards.evaluate import Moments
from autoreward.rewards.formula import Formula
from autoreward.seeds import TrainingSeed

_RECENT_EPISODES = 50


@dataclass(frozen=True)
class LearnerSpec:
    """What to train."""

    job: str
    """Names the learner and its folder."""
    code: str
    """Text of the reward file; only jails compile it."""
    formula: Formula
    """How its components combine."""
    seed: TrainingSeed
    steps: int
    """Environment steps to train for."""


class Learner:
    """The part of a learner that is not stacked: generators, counters, curve.

    Args:
        spec: What to train.
        rows: Its environments, N.
    """

    def __init__(self, spec: LearnerSpec, rows: int) -> None:
        self.spec = spec
        # One generator draws parameters, exploration and shuffles, the other start states.
        self.generator = torch.Generator().manual_seed(spec.seed.value)
        self.start_generator = torch.Generator().manual_seed(spec.seed.value ^ 1)
        self.steps = 0
        self.began = 0
        """Steps it had when its job began: those of the training it goes on from."""
        self.iteration = 0
        self.moments: dict[str, Moments] = {}
        self.curve: list[dict[str, Any]] = []
        self.episode_return = torch.zeros(rows)
        self.recent_returns: list[float] = []
        self.recent_lengths: list[float] = []

    @property
    def done(self) -> bool:
        """Whether it has had its steps."""
        return self.steps >= self.spec.steps

    def count_episodes(self, rewards: Tensor, done: Tensor, lengths: Tensor) -> None:
        """Record the episodes that ended in a rollout.

        Args:
            rewards: Shape: (T, N).
            done: Shape: (T, N), bool.
            lengths: Steps of the episode, counted at each step. Shape: (T, N).
        """
        for t in range(len(rewards)):
            self.episode_return += rewards[t]
            ended = done[t]
            if bool(ended.any()):
                self.recent_returns += self.episode_return[ended].tolist()
                self.recent_lengths += lengths[t][ended].tolist()
                self.episode_return = torch.where(ended, 0.0, self.episode_return)
        del self.recent_returns[:-_RECENT_EPISODES], self.recent_lengths[:-_RECENT_EPISODES]

    def metadata(self) -> dict[str, Any]:
        """Return the JSON part of a checkpoint."""
        return {
            "steps": self.steps,
            "began": self.began,
            "iteration": self.iteration,
            "curve": self.curve,
            "recent_returns": self.recent_returns,
            "recent_lengths": self.recent_lengths,
        }

    def load_metadata(self, data: dict[str, Any]) -> None:
        """Take over the JSON part of a checkpoint."""
        self.steps, self.began, self.iteration = data["steps"], data["began"], data["iteration"]
        self.curve = list(data["curve"])
        self.recent_returns = list(data["recent_returns"])
        self.recent_lengths = list(data["recent_lengths"])


@dataclass
class ComponentStatistics:
    """What the components did in one rollout."""

    values: dict[str, NDArray[np.float32]]
    """Each [T, N]."""
    reward: Tensor
    """The formula's value. Shape: (T, N)."""

    def summary(self) -> dict[str, dict[str, float]]:
        """Return mean, spread and share per component.

        The share is the squared correlation with the reward: how much of the reward's variance
        goes along with this component alone.
        """
        reward = self.reward.numpy().ravel()
        spread = float(reward.std())
        result = {}
        for name, block in self.values.items():
            flat = block.ravel()
            deviation = float(flat.std())
            share = 0.0
            if spread > 1e-12 and deviation > 1e-12:
                covariance = float(np.mean((flat - flat.mean()) * (reward - reward.mean())))
                share = min(1.0, (covariance / (deviation * spread)) ** 2)
            result[name] = {
                "mean": float(flat.mean()),
                "std": deviation,
                "min": float(flat.min()),
                "max": float(flat.max()),
                "share": share,
            }
        return result

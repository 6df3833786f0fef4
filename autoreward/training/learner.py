"""One learner: a reward formula and a training seed, and what is recorded while it learns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from autoreward.findings import Finding
from autoreward.rewards.formula import Formula
from autoreward.seeds import TrainingSeed

_RECENT_EPISODES = 50

Values = tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]
"""Component values, and those at the state before, by component."""


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


@dataclass(frozen=True)
class Outcome:
    """What one iteration brought a learner."""

    finding: Finding | None
    """Why it has to end, if it has to; then nothing else is told."""
    record: dict[str, Any] = field(default_factory=dict)
    """Its entry in the curve."""
    returns: list[float] = field(default_factory=list)
    """Undiscounted returns of the episodes that ended."""
    lengths: list[int] = field(default_factory=list)
    """Their lengths, steps."""


class Learner:
    """What is recorded of a learner while it learns.

    Args:
        spec: What to train.
    """

    def __init__(self, spec: LearnerSpec) -> None:
        self.spec = spec
        self.steps = 0
        self.began = 0
        """Steps it had when its job began: those of the training it goes on from."""
        self.iteration = 0
        self.curve: list[dict[str, Any]] = []
        self.recent_returns: list[float] = []
        self.recent_lengths: list[int] = []

    @property
    def done(self) -> bool:
        """Whether it has had its steps."""
        return self.steps >= self.spec.steps

    def advance(self, steps: int, outcome: Outcome) -> None:
        """Take in one iteration of `steps` environment steps."""
        self.steps += steps
        self.iteration += 1
        if outcome.finding is not None:
            return
        self.recent_returns = (self.recent_returns + outcome.returns)[-_RECENT_EPISODES:]
        self.recent_lengths = (self.recent_lengths + outcome.lengths)[-_RECENT_EPISODES:]
        returns, lengths = self.recent_returns, self.recent_lengths
        self.curve.append(
            {
                "steps": self.steps,
                "return": float(np.mean(returns)) if returns else None,
                "length": float(np.mean(lengths)) if lengths else None,
                **outcome.record,
            }
        )

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

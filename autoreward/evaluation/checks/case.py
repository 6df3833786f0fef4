"""A formula on everything that a trial recorded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.evaluation.bank import discounted_returns, fitness_of_episodes
from autoreward.evaluation.checks.material import SHUFFLED, Answer, Array, Material, Values
from autoreward.evaluation.checks.trial import Trial
from autoreward.rewards.formula import Formula
from autoreward.rewards.source import ComponentSource, RewardSource

LIVED = ("recorded", "zero", "random", "best")
"""Blocks of behaviour that a simulation gave."""
PROBES = ("imagined", "ends", "beyond")
"""Blocks of states drawn from the schema."""
EFFORT = frozenset(
    {"effort", "energy", "torque", "torques", "control", "ctrl", "actuation", "smooth"}
    | {"smoothness", "jerk", "chatter"}
)
COST = frozenset({"penalty", "cost", "loss"})


class Case:
    """What a formula makes of a trial's blocks; every reward is computed once.

    Args:
        trial: One whose components worked.
        formula: Over components that the jail knows.
    """

    def __init__(self, trial: Trial, formula: Formula) -> None:
        self.formula = formula
        self.material: Material = trial.material
        self.source: RewardSource = trial.source
        self.answers: Mapping[str, Answer] = trial.answers
        self._moments: dict[str, Any] = {}
        self._rewards: dict[str, Array] = {}
        self.reward("recorded")  # the statistics of normalize(…) come from here first

    @cached_property
    def parts(self) -> dict[str, ComponentSource]:
        """The components as they stand in the file."""
        return {part.name: part for part in self.source.components}

    def reward(self, block: str) -> Array:
        """Return the reward of a block, [T, N]."""
        if block not in self._rewards:
            self._rewards[block] = self.reward_with(block, {})
        return self._rewards[block]

    def reward_with(self, block: str, changed: Values, steps: int | None = None) -> Array:
        """Return the reward of a block's first steps with other values of some components.

        Args:
            block: Its name.
            changed: Component → its values instead, [T, N].
            steps: T; None for all.
        """
        import torch

        from autoreward.rewards.evaluate import Signals, evaluate

        answer = self.answers[block]

        def tensors(values: Values) -> dict[str, torch.Tensor]:
            # What comes from a jail is read-only memory.
            return {name: torch.from_numpy(np.array(v[:steps])) for name, v in values.items()}

        components = tensors({**answer.components, **changed})
        shape = next(iter(components.values())).shape
        ended = torch.zeros(shape, dtype=torch.bool)
        if block in self.material.episodes:
            episodes = self.material.episodes[block]
            rows = np.flatnonzero(episodes.terminated)
            ended[episodes.length[rows] - 1, rows] = True
        elif block == SHUFFLED:
            ended[0] = torch.from_numpy(self.material.shuffled.ground.terminated)
        signals = Signals(
            components, tensors(answer.at_state), ended, self.material.gamma, self._moments
        )
        reward: Array = evaluate(self.formula, signals).numpy()
        return reward

    def lived(self) -> dict[str, Array]:
        """Return each block of behaviour's rewards of the steps lived, flat."""
        return {
            block: self.steps(block, self.reward(block)) for block in LIVED if block in self.answers
        }

    def steps(self, block: str, values: Array) -> Array:
        """Return the values [T, N] of the steps that belong to an episode, flat."""
        if block in self.material.episodes:
            flat: Array = values[self.material.episodes[block].alive]
            return flat
        return values.ravel()

    def returns(self, block: str) -> NDArray[np.float64]:
        """Return what each recorded episode earns, discounted, [E]."""
        episodes = self.material.episodes[block]
        return discounted_returns(episodes, self.reward(block), self.material.gamma)

    def fitness(self, block: str) -> NDArray[np.float64] | None:
        """Return each recorded episode's fitness, higher is better, [E]; None if it is unknown."""
        task, primary = self.material.task, self.material.primary
        if task is None or primary is None:
            return None
        return fitness_of_episodes(self.material.episodes[block], primary, task.horizon)


def words(name: str) -> frozenset[str]:
    """Return the words of a component's name."""
    return frozenset(name.lower().split("_"))

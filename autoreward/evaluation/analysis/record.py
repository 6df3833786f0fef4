"""What there is to analyse of one training, and the quantities that all detectors share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.environments.folder import EnvironmentFolder, Task
from autoreward.evaluation.bank import fitness_of_episodes
from autoreward.rewards.formula import parse_formula
from autoreward.schema import Fitness
from autoreward.training.episodes import Episodes

Values = NDArray[np.float64]

_CLEAR = 0.25
"""A fitness is clearly better than another by this share of its step-to-step spread."""
_CLEAR_AT_LEAST = 0.05
"""The same for lives so short that little of a fitness can add up."""
_LINEAR = 0.999
"""Variance of the reward that weighted components must explain to speak of their parts in it."""
_FIT_ROWS = 2000


@dataclass(frozen=True)
class Record:
    """One finished training."""

    task: Task
    folder: EnvironmentFolder
    primary: Fitness
    """The fitness that decides."""
    gamma: float
    """Discount per step."""
    formula: str
    """How the reward's components combine."""
    snapshots: Sequence[Mapping[str, Any]]
    """The training curve, from start to end; the n-th is snapshot n of a `Pointer`."""
    episodes: Episodes
    """Validation episodes of the trained policy, with components and reward where the reward gave
    values on them."""
    scores: Mapping[str, Sequence[float]]
    """Fitness name → value of each validation seed; the first ones are those of `episodes`."""
    zero: Episodes | None = None
    """Episodes of the policy that never acts."""
    random: Episodes | None = None
    """Episodes of uniformly random actions."""

    @property
    def sign(self) -> float:
        """1 where more of the primary fitness is better, else -1."""
        return 1.0 if self.primary.direction == "max" else -1.0

    @property
    def components(self) -> tuple[str, ...]:
        """Components that the formula reads and that training recorded."""
        recorded = self.snapshots[-1]["components"] if self.snapshots else self.episodes.components
        return tuple(name for name in parse_formula(self.formula).components if name in recorded)

    def fitness(self, episodes: Episodes) -> Values:
        """Return the primary fitness of each episode, higher is better, [E]."""
        return fitness_of_episodes(episodes, self.primary, self.task.horizon)

    def step_fitness(self, episodes: Episodes) -> Values:
        """Return the primary fitness of each step, higher is better, [T, E]."""
        return self.sign * episodes.fitness[self.primary.name].astype(np.float64)

    @cached_property
    def own(self) -> Values:
        """Primary fitness of each recorded episode, higher is better, [E]."""
        return self.fitness(self.episodes)

    @cached_property
    def baseline(self) -> float:
        """What no learning reaches, higher is better.

        It is the better of never acting and acting at random; where neither was recorded, the
        training's first fitness per step.
        """
        given = [self.fitness(e).mean() for e in (self.zero, self.random) if e is not None]
        if given:
            return float(max(given))
        curve = self.curve(f"fitness:{self.primary.name}")
        return self.sign * float(curve[0]) if len(curve) else 0.0

    @cached_property
    def clear_gap(self) -> float:
        """Difference in primary fitness that is worth speaking of.

        A share of the spread of its steps: the median of what the trained, the zero and the random
        policy show (the spread of episodes for a fitness that is the best, worst or last of its
        steps, their sum, or whether there was one). Of a rate, steps after the end are 0, so short
        lives can differ by less.
        """
        recorded = [e for e in (self.episodes, self.zero, self.random) if e is not None]
        if self.primary.reduce not in ("rate", "mean"):
            return _CLEAR * float(np.concatenate([self.fitness(e) for e in recorded]).std())
        spread = float(np.median([self.step_fitness(e)[e.alive].std() for e in recorded]))
        life = 1.0
        if self.primary.reduce == "rate":
            life = float(self.episodes.length.mean()) / self.task.horizon
        return max(_CLEAR_AT_LEAST, _CLEAR * life) * spread

    @cached_property
    def no_better(self) -> bool:
        """Whether the policy is no better than doing nothing or acting at random."""
        error = float(self.own.std()) / max(1, len(self.own)) ** 0.5
        gain = float(self.own.mean()) - self.baseline
        return bool(gain <= max(self.clear_gap, 2.0 * error))

    @property
    def learnt_until(self) -> int:
        """Snapshots before the first finished episode, whose steps are all near a start state."""
        lengths = [snapshot.get("length") for snapshot in self.snapshots]
        known = [i for i, length in enumerate(lengths) if length is not None]
        return known[0] if known else 0

    def curve(self, quantity: str) -> Values:
        """Return a quantity of training per snapshot, NaN where it was not measured.

        Args:
            quantity: `reward`, `length`, `return`, `fitness:NAME` or `component:NAME` (its mean).
        """
        kind, _, name = quantity.partition(":")
        found = []
        for snapshot in self.snapshots:
            if kind == "component":
                value = snapshot["components"].get(name, {}).get("mean")
            elif kind == "fitness":
                value = snapshot["fitness_per_step"].get(name)
            else:
                value = snapshot.get(kind)
            found.append(np.nan if value is None else float(value))
        return np.array(found)

    def in_totals(self, value: float) -> float:
        """Return a difference in primary fitness in the unit of `totals`."""
        return value * (self.task.horizon if self.primary.reduce == "rate" else 1.0)

    def totals(self) -> tuple[Values, Values]:
        """Return reward and fitness of an average episode over training, both [snapshots].

        Per step times length: a policy that lives longer earns more of both. Where the fitness does
        not add up over an episode it is the fitness per step. Higher fitness is better.
        """
        length = self.curve("length")
        length = np.where(np.isnan(length), self.task.horizon, length)
        fitness = self.sign * self.curve(f"fitness:{self.primary.name}")
        adds_up = self.primary.reduce in ("rate", "sum")
        return self.curve("reward") * length, fitness * (length if adds_up else 1.0)

    @cached_property
    def weights(self) -> dict[str, float] | None:
        """What one unit of each component adds to the reward; None where that depends.

        Least squares over recorded steps and the training curve: exact for a weighted sum.
        """
        names = self.components
        if not names:
            return None
        rows = [np.stack([self.curve(f"component:{name}") for name in names], axis=1)]
        wanted = [self.curve("reward")]
        episodes = self.episodes
        if episodes.reward is not None and all(name in episodes.components for name in names):
            lived = episodes.alive
            stride = max(1, int(lived.sum()) // _FIT_ROWS)
            table = [episodes.components[name][lived][::stride] for name in names]
            rows.append(np.stack(table, axis=1).astype(np.float64))
            wanted.append(episodes.reward[lived][::stride].astype(np.float64))
        matrix, target = np.concatenate(rows), np.concatenate(wanted)
        known = np.isfinite(matrix).all(axis=1) & np.isfinite(target)
        matrix, target = matrix[known], target[known]
        if len(target) <= len(names):
            return None
        solution = np.linalg.lstsq(matrix, target, rcond=None)[0]
        left = float(np.square(target - matrix @ solution).sum())
        whole = float(np.square(target - target.mean()).sum())
        if left > max((1.0 - _LINEAR) * whole, 1e-9 * float(np.square(target).sum())):
            return None
        return dict(zip(names, map(float, solution), strict=True))

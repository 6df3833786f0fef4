"""The trajectory bank: episodes of varied quality, on which a reward is tried before training.

A reward that ranks a bad episode above a good one teaches the bad one. What is compared are the
discounted returns of *whole* episodes, as PPO maximises them: the mean reward per step, which CARD
(Sun et al. 2025, "TPE") compares, cannot tell a long life from a short one. Pairs of episodes that
differ clearly in fitness are looked at, and the share of them in the right order is the predicted
quality. How well it predicts is measured in benchmarks/bank.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from autoreward.environments.folder import Task
from autoreward.errors import UsageError
from autoreward.schema import Fitness
from autoreward.training.episodes import Episodes

CAPACITY = 64
"""Episodes in a bank."""
OF_ONE_POLICY = 3
"""Episodes of one policy: its worst, its median, its best."""
LEAST_POLICIES = 3
"""Trained policies in the bank, below which nothing is predicted."""
CLEAR_GAP = 0.05
"""Two episodes differ clearly if their fitness differs by this share of the bank's spread."""
_TAIL = 0.1
"""Share of an episode's last steps that stands for what would follow its cut-off."""
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Entry:
    """Where an episode of the bank comes from, and how good it was."""

    source: str
    """`zero`, `random`, or what policy it is of."""
    fitness: float
    """Its primary fitness, the sign turned where lower is better: higher is better."""


@dataclass(frozen=True)
class Bank:
    """Episodes of one task and their fitness; row i of `episodes` is `entries[i]`."""

    environment: str
    task: str
    episodes: Episodes
    entries: tuple[Entry, ...]

    @property
    def fitness(self) -> Values:
        """Fitness of each episode, higher is better, [E]."""
        return np.array([entry.fitness for entry in self.entries])

    @property
    def policies(self) -> int:
        """Trained policies in the bank."""
        return len({entry.source for entry in self.entries} - {"zero", "random"})

    def best(self) -> Episodes:
        """Return the episodes of the policy with the best episode."""
        best = max(self.entries, key=lambda entry: entry.fitness).source
        return self._take(
            [i for i, entry in enumerate(self.entries) if entry.source == best]
        ).episodes

    def thinned(self, capacity: int = CAPACITY) -> Bank:
        """Return at most `capacity` episodes, spread over the whole range of fitness.

        Again and again the one goes whose neighbours in fitness are nearest to each other; the
        worst and the best stay.
        """
        rows = sorted(range(len(self.entries)), key=lambda i: (self.entries[i].fitness, i))
        while len(rows) > max(capacity, 2):
            values = [self.entries[i].fitness for i in rows]
            gaps = [values[i + 1] - values[i - 1] for i in range(1, len(rows) - 1)]
            del rows[1 + int(np.argmin(gaps))]
        return self._take(sorted(rows))

    def _take(self, rows: Sequence[int]) -> Bank:
        chosen = tuple(self.entries[i] for i in rows)
        return replace(self, episodes=self.episodes.take(rows), entries=chosen)

    def save(self, path: Path) -> None:
        """Write one safetensors file, whole or not at all."""
        about = {
            "environment": self.environment,
            "task": self.task,
            "entries": json.dumps([[entry.source, entry.fitness] for entry in self.entries]),
        }
        self.episodes.save(path, about)

    @classmethod
    def load(cls, path: Path) -> Bank:
        """Read a bank.

        Raises:
            UsageError: There is none, or the file is something else.
        """
        try:
            with safe_open(path, "np") as file:
                about = file.metadata() or {}
            entries = tuple(Entry(str(s), float(f)) for s, f in json.loads(about["entries"]))
            return cls(about["environment"], about["task"], Episodes.load(path), entries)
        except FileNotFoundError:
            raise UsageError(f"there is no trajectory bank {path}") from None
        except (OSError, SafetensorError, KeyError, ValueError):
            raise UsageError(f"{path} is no trajectory bank") from None


def fitness_of_episodes(episodes: Episodes, primary: Fitness, horizon: int) -> Values:
    """Return each episode's primary fitness, higher is better, [E]; as `reduce_fitness` has it."""
    table = episodes.fitness[primary.name].astype(np.float64)
    alive = episodes.alive
    lived = np.maximum(episodes.length, 1)
    match primary.reduce:
        case "rate":
            value = table.sum(axis=0) / horizon
        case "mean":
            value = table.sum(axis=0) / lived
        case "sum":
            value = table.sum(axis=0)
        case "any":
            value = ((table > 0) & alive).any(axis=0).astype(np.float64)
        case "last":
            value = table[lived - 1, np.arange(episodes.count)]
        case "max":
            value = np.where(alive, table, -np.inf).max(axis=0)
        case "min":
            value = np.where(alive, table, np.inf).min(axis=0)
    signed: Values = value if primary.direction == "max" else -value
    return signed


def build(
    environment: str,
    task: Task,
    primary: Fitness,
    recordings: Mapping[str, Episodes],
    start: Sequence[Bank] = (),
    capacity: int = CAPACITY,
) -> Bank:
    """Return the bank of some recordings.

    Args:
        environment: Name of the environment.
        task: What was to be done.
        primary: The fitness that decides.
        recordings: Source → episodes of that policy; of each the worst, the median and the best are
            taken.
        start: Banks to begin from; of the same environment and task.
        capacity: Episodes to keep at most.

    Raises:
        UsageError: A bank to begin from belongs to another task.
    """
    parts: list[Episodes] = []
    entries: list[Entry] = []
    for bank in start:
        if (bank.environment, bank.task) != (environment, task.name):
            raise UsageError(
                f"the trajectory bank is of {bank.environment} {bank.task}, "
                f"not of {environment} {task.name}"
            )
        parts.append(bank.episodes)
        entries += bank.entries
    for source, episodes in recordings.items():
        values = fitness_of_episodes(episodes, primary, task.horizon)
        order = np.argsort(values, kind="stable")
        places = np.linspace(0, len(order) - 1, min(OF_ONE_POLICY, len(order)))
        rows = [int(order[round(place)]) for place in places]
        parts.append(episodes.take(rows))
        entries += [Entry(source, float(values[row])) for row in rows]
    return Bank(environment, task.name, Episodes.joined(parts), tuple(entries)).thinned(capacity)


def discounted_returns(episodes: Episodes, reward: NDArray[np.float32], gamma: float) -> Values:
    """Return what each episode earns, [E].

    An episode that the task's rule ended earns nothing more. One that was cut off goes on as it did
    in its last tenth, as PPO's bootstrapping has it.

    Args:
        episodes: E episodes of up to T steps.
        reward: [T, E]; what stands after an episode's end does not count.
        gamma: Discount per step.
    """
    values = np.where(episodes.alive, reward, 0.0).astype(np.float64)
    weights = gamma ** np.arange(len(values))
    total: Values = (values * weights[:, None]).sum(axis=0)
    if gamma >= 1.0:
        return total
    for row in np.flatnonzero(~episodes.terminated):
        length = int(episodes.length[row])
        tail = values[length - max(1, round(_TAIL * length)) : length, row]
        total[row] += gamma**length * tail.mean() / (1.0 - gamma)
    return total


def concordance(returns: Values, fitness: Values) -> tuple[float, int]:
    """Return the share of clearly different pairs that `returns` puts in the right order.

    Ties count half (Kendall's tau-b without the pairs that fitness itself leaves open, mapped to
    [0, 1]).

    Args:
        returns: Discounted return of each episode under the reward, [E].
        fitness: Its fitness, higher is better, [E].

    Returns:
        The share (0.5 is chance; NaN where no pair differs clearly) and the number of such pairs.
    """
    gap = fitness[:, None] - fitness[None, :]
    spread = float(np.ptp(fitness)) if len(fitness) else 0.0
    clear = gap > CLEAR_GAP * spread if spread > 0 else np.zeros_like(gap, dtype=bool)
    pairs = int(clear.sum())
    if not pairs:
        return float("nan"), 0
    earned = returns[:, None] - returns[None, :]
    # Float32 rewards: differences in the last digits are no order.
    even = np.abs(earned) <= 1e-6 * np.maximum(np.abs(returns[:, None]), np.abs(returns[None, :]))
    right = np.where(even, 0.5, (earned > 0).astype(np.float64))
    return float(right[clear].mean()), pairs


@dataclass(frozen=True)
class Prediction:
    """What the bank says of a reward before it is trained."""

    quality: float
    """Share of clearly different pairs of episodes in the right order, in [0, 1]."""
    pairs: int
    policies: int
    """Trained policies that the episodes are of."""

    def __str__(self) -> str:
        """Render as a phrase."""
        return (
            f"ranks {self.quality:.0%} of {self.pairs} pairs of recorded episodes right "
            f"({self.policies} policies)"
        )


def predict(bank: Bank, reward: NDArray[np.float32], gamma: float) -> Prediction | None:
    """Return the predicted quality of a reward, None while the bank cannot tell.

    Args:
        bank: Of the task.
        reward: The reward of each step of the bank's episodes, [T, E].
        gamma: Discount per step.
    """
    if bank.policies < LEAST_POLICIES:
        return None
    quality, pairs = concordance(discounted_returns(bank.episodes, reward, gamma), bank.fitness)
    return Prediction(quality, pairs, bank.policies) if pairs else None

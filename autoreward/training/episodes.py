"""Recorded episodes of one policy: what analysis, trajectory bank and clips look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from autoreward.sandbox.contract import Batch
from autoreward.store.rundir import write_atomic

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Episodes:
    """E whole episodes, T steps being the longest.

    After its end an episode repeats its last state; actions, fitness, components and reward are 0
    there.
    """

    state: Mapping[str, Array]
    """Each [T + 1, E, …]: before the first step to after the last."""
    action: Array
    """[T, E, A], in [-1, 1]."""
    fitness: Mapping[str, Array]
    """Fitness of each step, [T, E]; the host's business, never a reward's."""
    length: NDArray[np.int64]
    """Steps lived, [E]."""
    terminated: NDArray[np.bool_]
    """Ended by the task's rule and not at the horizon, [E]."""
    qpos: Array
    """[T + 1, E, nq], for pictures."""
    components: Mapping[str, Array] = field(default_factory=dict)
    """What the components of the reward that the policy was trained on make of it, [T, E]; empty
    where the policy was not trained on a reward."""
    reward: Array | None = None
    """That reward, before any scaling, [T, E]."""

    @property
    def count(self) -> int:
        """Episodes, E."""
        return len(self.length)

    @property
    def steps(self) -> int:
        """Steps of the longest, T."""
        return len(self.action)

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which steps belong to an episode, its last included, [T, E]."""
        return np.arange(self.steps)[:, None] < self.length[None, :]

    @property
    def next_state(self) -> dict[str, Array]:
        """The state after each step, each [T, E, …]."""
        return {name: value[1:] for name, value in self.state.items()}

    @classmethod
    def joined(cls, parts: Sequence[Episodes]) -> Episodes:
        """Return all episodes of several recordings side by side, without components and reward.

        Args:
            parts: At least one; all of one environment.
        """
        steps = max(part.steps for part in parts)

        def side_by_side(tables: Sequence[Array], length: int, repeat: bool) -> Array:
            return np.concatenate([_lengthened(table, length, repeat) for table in tables], axis=1)

        return cls(
            {
                name: side_by_side([part.state[name] for part in parts], steps + 1, True)
                for name in parts[0].state
            },
            side_by_side([part.action for part in parts], steps, False),
            {
                name: side_by_side([part.fitness[name] for part in parts], steps, False)
                for name in parts[0].fitness
            },
            np.concatenate([part.length for part in parts]),
            np.concatenate([part.terminated for part in parts]),
            side_by_side([part.qpos for part in parts], steps + 1, True),
        )

    def take(self, rows: Sequence[int]) -> Episodes:
        """Return the episodes of those numbers, cut to the longest of them."""
        index = np.asarray(rows, dtype=np.int64)
        steps = int(self.length[index].max(initial=0))
        return Episodes(
            {name: value[: steps + 1, index] for name, value in self.state.items()},
            self.action[:steps, index],
            {name: value[:steps, index] for name, value in self.fitness.items()},
            self.length[index],
            self.terminated[index],
            self.qpos[: steps + 1, index],
            {name: value[:steps, index] for name, value in self.components.items()},
            None if self.reward is None else self.reward[:steps, index],
        )

    def batch(self, fields: Iterable[str] | None = None, at_state: tuple[str, ...] = ()) -> Batch:
        """Return the episodes as a block of transitions for a jail, [T, E].

        Args:
            fields: The state fields to hand over; None for all.
            at_state: Components to evaluate at the state before, too.
        """
        names = self.state if fields is None else fields
        starts = np.zeros(self.action.shape[:2], dtype=np.float32)
        starts[:1] = 1.0
        return Batch(
            state={name: self.state[name][:-1] for name in names},
            action=self.action,
            next_state={name: self.state[name][1:] for name in names},
            starts=starts,
            at_state=at_state,
        )

    def rewarded(self, components: Mapping[str, Array], reward: Array) -> Episodes:
        """Return the same episodes with values of components and reward, each [T, E]."""
        alive = self.alive

        def lived(values: Array) -> Array:
            return np.where(alive, values, 0.0).astype(np.float32)

        kept = {name: lived(values) for name, values in components.items()}
        return replace(self, components=kept, reward=lived(reward))

    def save(self, path: Path, about: Mapping[str, str] | None = None) -> None:
        """Write one safetensors file, whole or not at all; `about` becomes its metadata."""
        tensors: dict[str, NDArray[np.generic]] = {
            "action": self.action,
            "length": self.length,
            "terminated": self.terminated.astype(np.uint8),
            "qpos": self.qpos,
        }
        groups = {"state": self.state, "fitness": self.fitness, "component": self.components}
        for prefix, group in groups.items():
            tensors |= {f"{prefix}.{name}": value for name, value in group.items()}
        if self.reward is not None:
            tensors["reward"] = self.reward
        blob = save({k: np.ascontiguousarray(v) for k, v in tensors.items()}, dict(about or {}))
        write_atomic(path, blob)

    @classmethod
    def load(cls, path: Path) -> Episodes:
        """Read what `save` (or the trainer) wrote."""
        tensors = load_file(path)
        return cls(
            named(tensors, "state"),
            tensors["action"],
            named(tensors, "fitness"),
            tensors["length"],
            tensors["terminated"].astype(np.bool_),
            tensors["qpos"],
            named(tensors, "component"),
            tensors.get("reward"),
        )


def _lengthened(table: Array, length: int, repeat: bool) -> Array:
    """Return a table with rows added at its end: its last one again, or zeros."""
    missing = length - len(table)
    if not missing:
        return table
    filler = np.repeat(table[-1:], missing, axis=0)
    return np.concatenate([table, filler if repeat else np.zeros_like(filler)])


def named(tensors: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Return the entries called `PREFIX.NAME` of a file, by NAME."""
    start = prefix + "."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}

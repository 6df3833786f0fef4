"""Many episodes of one environment at once: the hot loop of training and of validation."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoreward.environments.environment import Environment
from autoreward.sim.physics import Physics
from autoreward.sim.simulation import BatchSimulation

_MIN_POOL = 32
_POOL_PER_ROW = 8


class Step(NamedTuple):
    """What one step of B rows hands over. B = number of rows."""

    before: Physics
    """State before the step. Leading shape: (B,)."""
    after: Physics
    """State after the step and before any auto-reset: the terminal state where the episode ended.
    A row whose simulation broke (`terminated` is set there, too) repeats `before`, so that every
    value is finite. Leading shape: (B,)."""
    terminated: Tensor
    """The episode ended by the environment's rule or a broken simulation. Shape: (B,), bool."""
    truncated: Tensor
    """The episode was cut off at the horizon and not terminated. Shape: (B,), bool."""


class VectorEnvironment:
    """Rows of episodes in groups; ended rows restart at once.

    A group is one learner's (or one seed's) rows, next to each other. It draws its start states
    from its own generator alone, so its episodes are the same whatever other groups there are.

    Args:
        environment: Gives physics, start states and ends.
        horizon: Steps after which an episode is cut off.
        threads: Simulation threads; 0 steps on the calling thread.
    """

    def __init__(self, environment: Environment, horizon: int, threads: int = 0) -> None:
        self.environment = environment
        self.horizon = horizon
        self._simulation = self._make_simulation(threads)
        self._generators: list[torch.Generator] = []
        self._group_rows = np.zeros(0, dtype=np.int64)
        # Start states drawn ahead, sensors included, all groups' pools one after the other: taking
        # the next ones of many groups is one gather instead of a Python loop over groups.
        self._nursery = self._make_simulation(0)
        self._pool = self._nursery.snapshot(torch.zeros(0, dtype=torch.long))
        self._pool_next = np.zeros(0, dtype=np.int64)
        self._episode_step = torch.zeros(0, dtype=torch.long, device=self._simulation.device)
        self.physics_seconds = 0.0
        """Wall-clock time that the simulator has taken for steps."""
        self._physics = self._simulation.physics()
        self._index_groups()

    @property
    def num(self) -> int:
        """Number of rows, B."""
        return self._simulation.num

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self._generators)

    @property
    def physics(self) -> Physics:
        """Current state, after auto-reset: `before` of the next step. Leading shape: (B,)."""
        return self._physics

    @property
    def episode_step(self) -> Tensor:
        """Steps the current episode of each row has taken. Shape: (B,), int64."""
        return self._episode_step

    def group_slice(self, index: int) -> slice:
        """Return the rows of group `index`."""
        stop = int(self._group_rows[: index + 1].sum())
        return slice(stop - int(self._group_rows[index]), stop)

    def add_group(self, rows: int, generator: torch.Generator) -> None:
        """Append a group of `rows` new episodes that draws its start states from `generator`."""
        old = self.num
        self._simulation.add(rows)
        self._generators.append(generator)
        self._group_rows = np.append(self._group_rows, rows)
        self._pool_next = np.append(self._pool_next, 0)
        size = _pool_size(rows)
        self._pool = _extended(self._pool, size)
        self._episode_step = _extended(self._episode_step, rows)
        self._index_groups()
        self._refill(self.groups - 1)
        self._restart(np.arange(old, self.num))

    def remove_group(self, index: int) -> None:
        """Drop group `index`; the rows and numbers of later groups move up."""
        rows, pool = self.group_slice(index), self._pool_slice(index)
        keep = self._all_but(self.num, rows)
        self._simulation.keep(keep)
        self._physics = self._physics.rows(keep)
        self._episode_step = self._episode_step[keep]
        keep_pool = self._all_but(len(self._pool), pool)
        self._pool = self._pool[keep_pool]
        self._group_rows = np.delete(self._group_rows, index)
        self._pool_next = np.delete(self._pool_next, index)
        del self._generators[index]
        self._index_groups()

    def step(self, action: Tensor) -> Step:
        """Take one step in every row; ended rows restart.

        Args:
            action: Clamped to [-1, 1]. Shape: (B, action_dim).

        Returns:
            The step, with terminal states in place. `physics` is then the state after restarts.
        """
        environment, before = self.environment, self._physics
        ctrl = environment.ctrl(action.clamp(-1.0, 1.0))
        started = time.perf_counter()
        self._simulation.step(ctrl)
        self.physics_seconds += time.perf_counter() - started
        after, bad = self._simulation.physics(), self._simulation.bad
        if bad.any():
            broken = bad.nonzero().squeeze(1)
            after = after.replaced(broken, before.rows(broken))
        terminated = environment.terminated(after) | bad
        self._episode_step = self._episode_step + 1
        truncated = (self._episode_step >= self.horizon) & ~terminated
        self._physics = after
        ended = terminated | truncated
        if ended.any():
            self._restart(np.flatnonzero(ended.numpy()))
        return Step(before, after, terminated, truncated)

    def settle(self) -> None:
        """Do what has to wait until a rollout is over: here nothing."""

    def group_state(self, index: int) -> dict[str, Tensor]:
        """Return all that group `index` needs to go on bit for bit, for a checkpoint."""
        rows, pool = self.group_slice(index), self._pool_slice(index)
        return {
            "simulation": self._simulation.snapshot(self._numbers(rows)),
            "episode_step": self._episode_step[rows].clone(),
            "generator": self._generators[index].get_state(),
            "pool": self._pool[pool].clone(),
            "pool_next": torch.tensor(self._pool_next[index]),
        }

    def load_group_state(self, index: int, state: dict[str, Tensor]) -> None:
        """Put group `index` (of as many rows) where `group_state` was taken.

        Raises:
            ValueError: The state is of a group with another number of rows.
        """
        rows, pool = self.group_slice(index), self._pool_slice(index)
        numbers = self._numbers(rows)
        if len(state["episode_step"]) != len(numbers):
            raise ValueError(
                f"state of {len(state['episode_step'])} rows for a group of {len(numbers)}"
            )
        self._simulation.restore(numbers, state["simulation"])
        self._physics = self._physics.replaced(numbers, self._simulation.physics(numbers))
        number = state["episode_step"].to(numbers.device)
        self._episode_step = self._episode_step.index_copy(0, numbers, number)
        self._generators[index].set_state(state["generator"])
        self._pool[pool] = state["pool"]
        self._pool_next[index] = int(state["pool_next"])

    def close(self) -> None:
        """Release the simulation's threads."""
        self._simulation.close()
        self._nursery.close()

    def _restart(self, rows: NDArray[np.int64]) -> None:
        """Start new episodes in `rows` (ascending) from their own groups' pools."""
        group = self._group_of_row[rows]
        used = np.bincount(group, minlength=self.groups)
        rank = np.arange(len(rows)) - (used.cumsum() - used)[group]
        start = (self._pool_start + self._pool_next)[group] + rank
        numbers = torch.from_numpy(rows)
        self._simulation.restore(numbers, self._pool[torch.from_numpy(start)])
        self._physics = self._simulation.physics()
        self._episode_step = self._episode_step.index_fill(0, numbers, 0)
        self._pool_next = self._pool_next + used
        # A group can need as many start states at once as it has rows: refill before it runs short.
        for index in np.flatnonzero(self._pool_next + self._group_rows > self._pool_size):
            self._refill(int(index))

    def _refill(self, index: int) -> None:
        pool = self._pool_slice(index)
        count = pool.stop - pool.start
        qpos, qvel = self.environment.initial(count, self._generators[index])
        if self._nursery.num < count:
            self._nursery.add(count - self._nursery.num)
        rows = torch.arange(count)
        self._nursery.reset(rows, qpos, qvel)
        self._pool[pool] = self._nursery.snapshot(rows)
        self._pool_next[index] = 0

    def _pool_slice(self, index: int) -> slice:
        start = int(self._pool_start[index])
        return slice(start, start + int(self._pool_size[index]))

    def _make_simulation(self, threads: int) -> BatchSimulation:
        return self.environment.make_simulation(threads)

    def _numbers(self, rows: slice) -> Tensor:
        return torch.arange(rows.start, rows.stop, device=self._simulation.device)

    def _all_but(self, count: int, rows: slice) -> Tensor:
        """Return the numbers below `count` that are not in `rows`."""
        parts = (slice(0, rows.start), slice(rows.stop, count))
        return torch.cat([self._numbers(part) for part in parts])

    def _index_groups(self) -> None:
        sizes = [_pool_size(int(rows)) for rows in self._group_rows]
        self._pool_size = np.array(sizes, dtype=np.int64)
        self._pool_start = self._pool_size.cumsum() - self._pool_size
        self._group_of_row = np.repeat(np.arange(len(self._group_rows)), self._group_rows)


def _pool_size(rows: int) -> int:
    return max(_MIN_POOL, _POOL_PER_ROW * rows)


def _extended(tensor: Tensor, count: int) -> Tensor:
    return torch.cat([tensor, tensor.new_zeros(count, *tensor.shape[1:])])

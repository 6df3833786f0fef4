"""Episodes whose physics, ends and restarts all happen on one device, without waiting for it.

What the host does in `VectorEnvironment` at each step (finding the rows that ended, counting the
start states taken) is a mask and a sum on the device here. The host draws new start states between
two rollouts, as many as were taken.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoreward.environments.environment import Environment
from autoreward.environments.vector import Step, VectorEnvironment
from autoreward.sim.simulation import DeviceSimulation


class DeviceVectorEnvironment(VectorEnvironment):
    """A `VectorEnvironment` on a device; call `settle` after each rollout.

    Whatever looks at groups or changes them settles first; right after a rollout that is nothing. A
    group that ends more episodes in one rollout than its pool has start states uses the pool's
    first ones again.

    Args:
        environment: Gives physics, start states and ends.
        horizon: Steps after which an episode is cut off.
        device: Where all tensors live.
    """

    _simulation: DeviceSimulation
    _nursery: DeviceSimulation
    _next: Tensor
    """Of each group: like `_pool_next`, but counted on the device; it may pass the pool's end."""

    def __init__(self, environment: Environment, horizon: int, device: torch.device) -> None:
        self._device = device
        super().__init__(environment, horizon)
        self._stopwatch = _Stopwatch(device)

    def add_group(self, rows: int, generator: torch.Generator) -> None:
        """Append a group of `rows` new episodes that draws its start states from `generator`."""
        self.settle()
        super().add_group(rows, generator)
        self.settle()

    def remove_group(self, index: int) -> None:
        """Drop group `index`; the rows and numbers of later groups move up."""
        self.settle()
        super().remove_group(index)

    def step(self, action: Tensor) -> Step:
        """Take one step in every row; ended rows restart.

        Args:
            action: Clamped to [-1, 1]. Shape: (B, action_dim).

        Returns:
            The step, with terminal states in place. `physics` is then the state after restarts.
        """
        environment, before = self.environment, self._physics
        ctrl = environment.ctrl(action.clamp(-1.0, 1.0))
        self._stopwatch.start()
        self._simulation.step(ctrl)
        self._stopwatch.stop()
        bad = self._simulation.bad
        after = self._simulation.physics().where(bad, before)
        terminated = environment.terminated(after) | bad
        self._episode_step = self._episode_step + 1
        truncated = (self._episode_step >= self.horizon) & ~terminated
        self._restart_where(terminated | truncated)
        return Step(before, after, terminated, truncated)

    def settle(self) -> None:
        """Draw start states in place of those taken, and count the simulator's time."""
        self.physics_seconds += self._stopwatch.seconds()
        taken = self._next.cpu().numpy() - self._pool_next
        drawn = []
        for index in np.flatnonzero(taken):
            size = int(self._pool_size[index])
            slots = (self._pool_next[index] + np.arange(min(taken[index], size))) % size
            drawn.append((int(index), self._pool_start[index] + slots))
        if drawn:
            self._draw(drawn)
            self._pool_next = (self._pool_next + taken) % self._pool_size
            self._next = self._on_device(self._pool_next)

    def group_state(self, index: int) -> dict[str, Tensor]:
        """Return all that group `index` needs to go on bit for bit, for a checkpoint."""
        self.settle()
        return super().group_state(index)

    def load_group_state(self, index: int, state: dict[str, Tensor]) -> None:
        """Put group `index` (of as many rows) where `group_state` was taken.

        Raises:
            ValueError: The state is of a group with another number of rows.
        """
        self.settle()
        super().load_group_state(index, state)
        self._next = self._on_device(self._pool_next)

    def _restart(self, rows: NDArray[np.int64]) -> None:
        mask = torch.zeros(self.num, dtype=torch.bool)
        mask[torch.from_numpy(rows)] = True
        self._restart_where(mask.to(self._device))

    def _restart_where(self, ended: Tensor) -> None:
        """Start new episodes in the marked rows from their own groups' pools. Shape: (B,), bool."""
        one = ended.to(torch.int64)
        earlier = one.cumsum(0) - one
        rank = earlier - earlier[self._first_row]
        place = (self._next[self._group] + rank) % self._size
        self._simulation.restore_where(ended, self._pool[self._start + place])
        self._physics = self._simulation.physics()
        self._episode_step = torch.where(ended, 0, self._episode_step)
        self._next = self._next.index_add(0, self._group, one)

    def _refill(self, index: int) -> None:
        pool = self._pool_slice(index)
        self._draw([(index, np.arange(pool.start, pool.stop))])

    def _draw(self, wanted: list[tuple[int, NDArray[np.int64]]]) -> None:
        """Draw start states of several groups into places of the pool, sensors included.

        Args:
            wanted: Groups, and the places that each fills from its own generator.
        """
        states = [self.environment.initial(len(p), self._generators[i]) for i, p in wanted]
        qpos = torch.cat([state[0] for state in states]).to(self._device)
        qvel = torch.cat([state[1] for state in states]).to(self._device)
        places = self._on_device(np.concatenate([p for _, p in wanted]))
        # As many at once as a group has rows: a pool is much larger than what is simulated.
        size = int(self._group_rows.max())
        if self._nursery.num < size:
            self._nursery.add(size - self._nursery.num)
        for part in torch.split(torch.arange(len(places), device=self._device), size):
            rows = torch.arange(len(part), device=self._device)
            self._nursery.reset(rows, qpos[part], qvel[part])
            self._pool[places[part]] = self._nursery.snapshot(rows)

    def _on_device(self, numbers: NDArray[np.int64]) -> Tensor:
        """Return a copy."""
        return torch.from_numpy(numbers.copy()).to(self._device)

    def _make_simulation(self, threads: int) -> DeviceSimulation:
        del threads
        return self.environment.make_device_simulation(self._device)

    def _index_groups(self) -> None:
        super()._index_groups()
        group = self._group_of_row
        first = self._group_rows.cumsum() - self._group_rows
        # Of each row: its group, the group's first row, where its pool starts, how large it is.
        self._group = self._on_device(group)
        self._first_row = self._on_device(first[group])
        self._start = self._on_device(self._pool_start[group])
        self._size = self._on_device(self._pool_size[group])
        self._next = self._on_device(self._pool_next)


class _Stopwatch:
    """Adds up how long pieces of work take; on a GPU without waiting for them.

    Args:
        device: Where the work is done.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._began = self._total = 0.0
        self._events: list[torch.cuda.Event] = []

    def start(self) -> None:
        """Begin a piece."""
        if self._on_gpu:
            self._mark()
        else:
            self._began = time.perf_counter()

    def stop(self) -> None:
        """End the piece."""
        if self._on_gpu:
            self._mark()
        else:
            self._total += time.perf_counter() - self._began

    def seconds(self) -> float:
        """Return the time of all pieces since the last call; waits for the last of them."""
        total, self._total = self._total, 0.0
        events, self._events = self._events, []
        if events:
            events[-1].synchronize()
        for begin, end in zip(events[0::2], events[1::2], strict=True):
            total += begin.elapsed_time(end) / 1000
        return total

    def _mark(self) -> None:
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        self._events.append(event)

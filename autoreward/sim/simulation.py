"""What a batched simulator must offer; environments and training know no more of it than this."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from autoreward.sim.physics import Physics


class BatchSimulation(Protocol):
    """B independent copies ("rows") of one system, stepped together.

    A row's future depends on its own state and control alone: not on the other rows, on how many
    there are, or on the number of threads. There is no reward and no episode here.
    """

    @property
    def num(self) -> int:
        """Number of rows, B."""

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""

    @property
    def bad(self) -> Tensor:
        """Rows whose last step ended in non-finite or unstable state. Shape: (B,), bool."""

    def add(self, count: int) -> None:
        """Append `count` rows in the system's default state."""

    def keep(self, rows: Tensor) -> None:
        """Drop all rows but `rows`, which keep the given order. Shape: (k,), int64."""

    def reset(self, rows: Tensor, qpos: Tensor, qvel: Tensor) -> None:
        """Put the rows into a state; sensors are those of that very state.

        Args:
            rows: Row numbers. Shape: (k,), int64.
            qpos: Generalised positions. Shape: (k, nq).
            qvel: Generalised velocities. Shape: (k, nv).
        """

    def step(self, ctrl: Tensor) -> None:
        """Advance every row by one environment step (frame_skip sub-steps). Shape: (B, nu)."""

    def physics(self, rows: Tensor | None = None) -> Physics:
        """Return the state of all rows (or of `rows`) as fresh float32 tensors."""

    def snapshot(self, rows: Tensor) -> Tensor:
        """Return all that decides the rows' future and sensors. Shape: (k, n), as it computes."""

    def restore(self, rows: Tensor, snapshot: Tensor) -> None:
        """Put the rows back into a `snapshot`, bit for bit."""

    def close(self) -> None:
        """Release threads and memory; the simulation cannot be used afterwards."""


class DeviceSimulation(BatchSimulation, Protocol):
    """A simulation whose host need not wait: rows can be chosen by a mask, too."""

    def restore_where(self, mask: Tensor, snapshot: Tensor) -> None:
        """Put the rows that a mask marks into their rows of a snapshot of all.

        Args:
            mask: Shape: (B,), bool.
            snapshot: Shape: (B, n).
        """

"""Systems whose motion is a formula: pure torch, no simulator, exact enough to test by hand."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from autoreward.sim.physics import Physics

Dynamics = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(qpos[B, nq], qvel[B, nv], ctrl[B, nu]) -> next (qpos, qvel), float64, row by row."""


class AnalyticSimulation:
    """`BatchSimulation` of a formula; states are kept in float64 and there are no sensors.

    Args:
        dynamics: One environment step of all rows.
        nq: Width of qpos.
        nv: Width of qvel.
        device: Where the tensors live.
    """

    def __init__(
        self, dynamics: Dynamics, nq: int, nv: int, device: torch.device | str = "cpu"
    ) -> None:
        self._dynamics = dynamics
        self._widths = [nq, nv]
        self._device = torch.device(device)
        self._qpos = torch.zeros(0, nq, dtype=torch.float64, device=self._device)
        self._qvel = torch.zeros(0, nv, dtype=torch.float64, device=self._device)
        self._bad = torch.zeros(0, dtype=torch.bool, device=self._device)

    @property
    def num(self) -> int:
        """Number of rows, B."""
        return len(self._qpos)

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        return self._device

    @property
    def bad(self) -> Tensor:
        """Rows whose last step is not finite. Shape: (B,), bool."""
        return self._bad

    def add(self, count: int) -> None:
        """Append `count` rows at zero."""
        self._qpos = torch.cat([self._qpos, self._qpos.new_zeros(count, self._widths[0])])
        self._qvel = torch.cat([self._qvel, self._qvel.new_zeros(count, self._widths[1])])
        self._bad = torch.cat([self._bad, self._bad.new_zeros(count)])

    def keep(self, rows: Tensor) -> None:
        """Drop all rows but `rows`, which keep the given order. Shape: (k,), int64."""
        self._qpos, self._qvel, self._bad = self._qpos[rows], self._qvel[rows], self._bad[rows]

    def reset(self, rows: Tensor, qpos: Tensor, qvel: Tensor) -> None:
        """Put the rows into a state. Shapes: (k,), (k, nq), (k, nv)."""
        rows = rows.to(self._device)
        self._qpos = self._qpos.index_copy(0, rows, qpos.to(self._device, torch.float64))
        self._qvel = self._qvel.index_copy(0, rows, qvel.to(self._device, torch.float64))
        self._bad = self._bad.index_fill(0, rows, False)

    def step(self, ctrl: Tensor) -> None:
        """Advance every row by one environment step. Shape: (B, nu)."""
        self._qpos, self._qvel = self._dynamics(self._qpos, self._qvel, ctrl.to(torch.float64))
        self._bad = ~(self._qpos.sum(dim=1) + self._qvel.sum(dim=1)).isfinite()

    def physics(self, rows: Tensor | None = None) -> Physics:
        """Return the state of all rows (or of `rows`) as fresh float32 tensors."""
        qpos = self._qpos if rows is None else self._qpos[rows]
        qvel = self._qvel if rows is None else self._qvel[rows]
        none = torch.zeros(len(qpos), 0, device=self._device)
        return Physics(qpos.to(torch.float32), qvel.to(torch.float32), none)

    def snapshot(self, rows: Tensor) -> Tensor:
        """Return position, velocity and the bad flag. Shape: (k, nq + nv + 1), float64."""
        bad = self._bad[rows].to(torch.float64).unsqueeze(1)
        return torch.cat([self._qpos[rows], self._qvel[rows], bad], dim=1)

    def restore(self, rows: Tensor, snapshot: Tensor) -> None:
        """Put the rows back into a `snapshot`, bit for bit."""
        rows, snapshot = rows.to(self._device), snapshot.to(self._device)
        nq = self._widths[0]
        self.reset(rows, snapshot[:, :nq], snapshot[:, nq:-1])
        self._bad = self._bad.index_copy(0, rows, snapshot[:, -1] > 0)

    def restore_where(self, mask: Tensor, snapshot: Tensor) -> None:
        """Put the rows that a mask marks into their rows of a snapshot. Shapes: (B,), (B, n)."""
        qpos, qvel, bad = torch.split(snapshot, [*self._widths, 1], dim=1)
        marked = mask.unsqueeze(1)
        self._qpos = torch.where(marked, qpos, self._qpos)
        self._qvel = torch.where(marked, qvel, self._qvel)
        self._bad = torch.where(mask, bad.squeeze(1) > 0, self._bad)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

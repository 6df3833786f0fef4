"""The state of a batch of simulations, as everything above the simulator sees it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Physics(NamedTuple):
    """Generalised positions, velocities and sensor values, float32, with any leading dims.

    A tensor once handed out is never written to again: neighbours in time may share it.
    """

    qpos: Tensor
    """Generalised positions in model order. Shape: (..., nq)."""
    qvel: Tensor
    """Generalised velocities in model order. Shape: (..., nv)."""
    sensordata: Tensor
    """Sensor values in model order. Shape: (..., ns)."""

    def rows(self, index: Tensor | slice) -> Physics:
        """Return the rows `index` of the first dimension."""
        return Physics(self.qpos[index], self.qvel[index], self.sensordata[index])

    def replaced(self, rows: Tensor, values: Physics) -> Physics:
        """Return a copy in which the rows `rows` of the first dimension are `values`.

        Args:
            rows: Row numbers. Shape: (k,).
            values: The new rows. Leading shape: (k,).
        """
        return Physics(
            *(old.index_copy(0, rows, new) for old, new in zip(self, values, strict=True))
        )

    def where(self, mask: Tensor, values: Physics) -> Physics:
        """Return a copy in which the rows that `mask` marks are those of `values`.

        Args:
            mask: Shape: (B,), bool.
            values: Leading shape: (B,).
        """
        marked = mask.unsqueeze(1)
        return Physics(
            *(torch.where(marked, new, old) for old, new in zip(self, values, strict=True))
        )

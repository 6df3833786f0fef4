"""States of a MuJoCo environment, placed by hand."""

from __future__ import annotations

from typing import Any

import torch

from autoreward.sim.physics import Physics


def place(environment: Any, *rows: dict[int, float]) -> Physics:
    """Return the model's default state with some qpos entries replaced, one row a dict."""
    qpos = environment.qpos0.repeat(len(rows), 1)
    for number, row in enumerate(rows):
        for index, value in row.items():
            qpos[number, index] = value
    simulation = environment.make_simulation()
    simulation.add(len(rows))
    zero = torch.zeros(len(rows), environment.sizes[1])
    simulation.reset(torch.arange(len(rows)), qpos, zero)
    return simulation.physics()

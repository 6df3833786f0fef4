"""AnalyticSimulation keeps the protocol of a simulation for a formula."""

from __future__ import annotations

import torch
from torch import Tensor

from autoreward.sim.analytic import AnalyticSimulation
from autoreward.sim.physics import Physics


def spring(qpos: Tensor, qvel: Tensor, ctrl: Tensor) -> tuple[Tensor, Tensor]:
    qvel = qvel + 0.1 * (ctrl - qpos)
    return qpos + 0.1 * qvel, qvel


def make(rows: int) -> AnalyticSimulation:
    simulation = AnalyticSimulation(spring, nq=1, nv=1)
    simulation.add(rows)
    place = torch.arange(1.0, rows + 1).unsqueeze(1)
    simulation.reset(torch.arange(rows), place, torch.zeros(rows, 1))
    return simulation


def test_a_step_is_the_formula() -> None:
    """From x = 2 at rest, one step gives v = -0.2 and x = 1.98."""
    simulation = make(2)
    simulation.step(torch.zeros(2, 1))
    physics = simulation.physics()
    assert torch.allclose(physics.qvel, torch.tensor([[-0.1], [-0.2]]))
    assert torch.allclose(physics.qpos, torch.tensor([[0.99], [1.98]]))
    assert physics.sensordata.shape == (2, 0)


def test_add_and_keep() -> None:
    """Kept rows keep their order and state; new rows start at zero."""
    simulation = make(3)
    simulation.keep(torch.tensor([2, 0]))
    simulation.add(1)
    assert simulation.num == 3
    assert simulation.physics().qpos[:, 0].tolist() == [3.0, 1.0, 0.0]


def test_snapshot_and_restore_are_exact() -> None:
    """A restored row goes on bit for bit, though physics shows float32 only."""
    simulation = make(3)
    for _ in range(5):
        simulation.step(torch.full((3, 1), 0.3))
    row = torch.tensor([1])
    snapshot = simulation.snapshot(row)
    simulation.step(torch.ones(3, 1))
    expected = simulation.snapshot(row)
    simulation.restore(row, snapshot)
    simulation.step(torch.ones(3, 1))
    assert torch.equal(simulation.snapshot(row), expected)


def test_a_broken_row_is_flagged_alone() -> None:
    """A row that is not finite is bad until it is reset."""
    simulation = make(3)
    simulation.reset(torch.tensor([1]), torch.tensor([[float("nan")]]), torch.zeros(1, 1))
    simulation.step(torch.zeros(3, 1))
    assert simulation.bad.tolist() == [False, True, False]
    simulation.reset(torch.tensor([1]), torch.zeros(1, 1), torch.zeros(1, 1))
    assert not simulation.bad.any()


def test_replaced_rows_leave_the_original() -> None:
    """Physics.replaced copies; what was handed out before stays."""
    physics = make(3).physics()
    other = Physics(torch.full((1, 1), 9.0), torch.full((1, 1), 8.0), torch.zeros(1, 0))
    changed = physics.replaced(torch.tensor([1]), other)
    assert changed.qpos[:, 0].tolist() == [1.0, 9.0, 3.0]
    assert physics.qpos[:, 0].tolist() == [1.0, 2.0, 3.0]

"""point_mass: returns that can be worked out by hand are what comes out."""

from __future__ import annotations

import math

import pytest
import torch

from autoreward.environments.environment import load_environment
from autoreward.environments.vector import VectorEnvironment

ROWS, STEPS = 20_000, 30
DT, FORCE = 0.05, 2.0


@pytest.mark.parametrize("action", [(0.0, 0.0), (0.5, -1.0)])
def test_expected_return_is_the_closed_form(action: tuple[float, float]) -> None:
    """The mean of -sum |p'|^2 over many starts is the closed form of env.py, within 4 errors."""
    environment = load_environment("point_mass")
    vector = VectorEnvironment(environment, horizon=1000)
    vector.add_group(ROWS, torch.Generator().manual_seed(0))
    push = torch.tensor(action).expand(ROWS, 2)
    returns = torch.zeros(ROWS)
    for _ in range(STEPS):
        returns -= vector.step(push).after.qpos.square().sum(dim=1)
    expected = -sum(
        1 / 3 + (FORCE * a * DT**2 * t * (t + 1) / 2) ** 2
        for t in range(1, STEPS + 1)
        for a in action
    )
    error = returns.std().item() / math.sqrt(ROWS)
    assert returns.mean().item() == pytest.approx(expected, abs=4 * error)


def test_one_trajectory_is_the_closed_form() -> None:
    """Place and velocity after t steps of a constant action are exact."""
    environment = load_environment("point_mass")
    vector = VectorEnvironment(environment, horizon=1000)
    vector.add_group(1, torch.Generator().manual_seed(3))
    start = vector.physics.qpos
    for t in range(1, 41):
        after = vector.step(torch.tensor([[1.0, -0.5]])).after
        acceleration = FORCE * torch.tensor([[1.0, -0.5]])
        assert torch.allclose(after.qvel, acceleration * DT * t, atol=1e-6)
        moved = acceleration * DT**2 * t * (t + 1) / 2
        assert torch.allclose(after.qpos, start + moved, atol=1e-5)


def test_derived_fields_by_hand() -> None:
    """At (3, 4) moving with (0, -1): distance 5, speed 1, approach 0.8."""
    environment = load_environment("point_mass")
    simulation = environment.make_simulation()
    simulation.add(1)
    place, velocity = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, -1.0]])
    simulation.reset(torch.tensor([0]), place, velocity)
    state = environment.state(simulation.physics())
    assert state["distance"].item() == pytest.approx(5.0)
    assert state["speed"].item() == pytest.approx(1.0)
    assert state["approach"].item() == pytest.approx(0.8)

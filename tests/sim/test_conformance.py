"""check_simulation passes every simulator, and sees what is wrong with one."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import Tensor

from autoreward.environments.environment import load_environment
from autoreward.sim.analytic import AnalyticSimulation
from autoreward.sim.mujoco import MujocoSimulation
from autoreward.sim.physics import Physics
from autoreward.testing.simulations import check_simulation

needs_warp = pytest.mark.skipif(
    importlib.util.find_spec("mujoco_warp") is None, reason="mujoco_warp is not installed"
)


@pytest.mark.parametrize("env", ["hopper", "point_mass"])
def test_the_simulators_of_the_cores_conform(env: str) -> None:
    """MuJoCo's threads and closed-form dynamics have no problems."""
    environment = load_environment(env)
    assert check_simulation(environment, environment.make_simulation) == ()


@needs_warp
@pytest.mark.parametrize("env", ["half_cheetah", "hopper"])
def test_warp_conforms(env: str) -> None:
    """MuJoCo Warp on the CPU has no problems, with Euler's integrator and with Runge-Kutta's."""
    environment, cpu = load_environment(env), torch.device("cpu")
    assert check_simulation(environment, lambda: environment.make_device_simulation(cpu)) == ()


class Draughty(AnalyticSimulation):
    """Every row is blown at by the first one."""

    def step(self, ctrl: Tensor) -> None:
        super().step(ctrl + 0.01 * self._qpos[:1])


class Leaky(AnalyticSimulation):
    """Hands out its own memory."""

    _shown: Physics | None = None

    def physics(self, rows: Tensor | None = None) -> Physics:
        self._shown = super().physics(rows)
        return self._shown

    def step(self, ctrl: Tensor) -> None:
        if self._shown:
            self._shown.qpos.add_(1.0)
        super().step(ctrl)


class Forgetful(MujocoSimulation):
    """Leaves the sensors of a reset row as they were."""

    def _forward(self, rows: Tensor) -> None:
        pass


class Blind(AnalyticSimulation):
    """Never sees a broken row."""

    @property
    def bad(self) -> Tensor:
        return torch.zeros_like(self._bad)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (Draughty, "depends on its neighbours"),
        (Leaky, "written to again"),
        (Blind, "with nan in row 1"),
    ],
)
def test_faults_of_a_formula_are_seen(kind: type[AnalyticSimulation], problem: str) -> None:
    """Neighbours that count, memory handed out, breakdowns hidden: each is a sentence."""
    environment = load_environment("point_mass")
    dynamics = environment.dynamics  # type: ignore[attr-defined]
    problems = check_simulation(environment, lambda: kind(dynamics, nq=2, nv=2))
    assert any(problem in one for one in problems)


def test_stale_sensors_are_seen() -> None:
    """Sensors that a reset leaves alone are a sentence, too."""
    environment = load_environment("hopper")
    model = environment.model  # type: ignore[attr-defined]
    problems = check_simulation(environment, lambda: Forgetful(model, 4))
    assert any("after a reset" in one for one in problems)

"""A double integrator in closed form: the environment whose returns can be worked out by hand.

One step of dt = 0.05 s with acceleration a = 2 action (semi-implicit Euler):

    v' = v + a dt        p' = p + v' dt

The start is p0 uniform on [-1, 1]^2 with v0 = 0, so E[p0] = 0 and E[p0^2] = 1/3 an axis. Under a
constant action, after t steps and on each axis

    v_t = a dt t         p_t = p0 + c_t   with   c_t = a dt^2 t (t + 1) / 2
    E[p_t^2] = 1/3 + c_t^2

so the expected return over T steps of the reward -|p'|^2 is exactly

    -sum_{t=1..T} sum_axes (1/3 + c_t^2)        (-2 T / 3 for the zero action).
"""

from __future__ import annotations

import torch
from torch import Tensor

from autoreward.environments.environment import Environment
from autoreward.sim.analytic import AnalyticSimulation
from autoreward.sim.physics import Physics

_FORCE = 2.0
"""Acceleration of action 1, m/s^2 (the mass is 1 kg)."""
_REACHED = 0.05


class PointMass(Environment):
    """Point on a plane; qpos = place, qvel = velocity."""

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Widths of qpos, qvel and sensordata."""
        return 2, 2, 0

    def make_simulation(self, threads: int = 0) -> AnalyticSimulation:
        """Return a simulation with no rows; it needs no threads."""
        del threads
        return AnalyticSimulation(self.dynamics, nq=2, nv=2)

    def make_device_simulation(self, device: torch.device) -> AnalyticSimulation:
        """Return a simulation with no rows on a device; a formula runs anywhere."""
        return AnalyticSimulation(self.dynamics, nq=2, nv=2, device=device)

    def dynamics(self, qpos: Tensor, qvel: Tensor, ctrl: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next place and velocity. Shapes: (B, 2) each."""
        qvel = qvel + _FORCE * self.schema.dt * ctrl
        return qpos + self.schema.dt * qvel, qvel

    def initial(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw a place from the square [-1, 1]^2, at rest."""
        place = 2 * torch.rand(count, 2, generator=generator, dtype=torch.float64) - 1
        return place, torch.zeros_like(place)

    def observation(self, physics: Physics) -> Tensor:
        """Return place and velocity. Shape: (..., 4)."""
        return torch.cat([physics.qpos, physics.qvel], dim=-1)

    def terminated(self, physics: Physics) -> Tensor:
        """Return False everywhere. Shape: (...)."""
        return torch.zeros_like(physics.qpos[..., 0], dtype=torch.bool)

    def derived(self, physics: Physics) -> dict[str, Tensor]:
        """Return distance, speed, and speed toward the goal."""
        distance = physics.qpos.norm(dim=-1)
        outward = (physics.qpos * physics.qvel).sum(dim=-1)
        return {
            "distance": distance,
            "speed": physics.qvel.norm(dim=-1),
            "approach": -outward / distance.clamp(min=1e-6),
        }

    def fitness_steps(self, before: Physics, action: Tensor, after: Physics) -> dict[str, Tensor]:
        """Return each fitness's value of one step; see schema.yaml."""
        distance = after.qpos.norm(dim=-1)
        return {
            "goal_distance": distance,
            "success": (distance < _REACHED).float(),
            "final_distance": distance,
            "energy": action.square().mean(dim=-1),
        }

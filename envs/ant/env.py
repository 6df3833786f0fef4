"""Ant-v5 as Gymnasium has it without contact forces in the observation, and our fitness vector."""

from __future__ import annotations

import torch
from torch import Tensor

from autoreward.environments.mujoco import MujocoEnvironment
from autoreward.sim.physics import Physics

_RESET_NOISE = 0.1
_LEGS = ("leg_1", "leg_2", "leg_3", "leg_4")


class Ant(MujocoEnvironment):
    """Quadruped; qpos = torso position, torso quaternion, four times hip and ankle."""

    def initial(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw uniform noise on qpos and normal noise on qvel, both of scale 0.1.

        As in Gymnasium the quaternion gets noise, too, and is not normalised; MuJoCo does that
        wherever it uses it.
        """
        nq, nv, _ = self.sizes
        qpos = self.qpos0 + self.uniform(count, nq, _RESET_NOISE, generator)
        return qpos, self.normal(count, nv, _RESET_NOISE, generator)

    def observation(self, physics: Physics) -> Tensor:
        """Return qpos without x and y, then qvel. Shape: (..., 27).

        This is `Ant-v5` with `include_cfrc_ext_in_observation=False`.
        """
        return torch.cat([physics.qpos[..., 2:], physics.qvel], dim=-1)

    def terminated(self, physics: Physics) -> Tensor:
        """Return whether the torso is too low or too high. Shape: (...), bool."""
        height = physics.qpos[..., 2]
        if self.terminate == "never":
            return torch.zeros_like(height, dtype=torch.bool)
        return ~((height >= 0.2) & (height <= 1.0))

    def derived(self, physics: Physics) -> dict[str, Tensor]:
        """Return `foot_contact`: 1 for each leg on the ground. Shape: (..., 4)."""
        counts = torch.cat([self.sensor(physics, f"{leg}_contact") for leg in _LEGS], dim=-1)
        return {"foot_contact": (counts > 0).float()}

    def fitness_steps(self, before: Physics, action: Tensor, after: Physics) -> dict[str, Tensor]:
        """Return each fitness's value of one step; see schema.yaml."""
        x = after.qpos[..., 0]
        return {
            "forward_speed": (x - before.qpos[..., 0]) / self.dt,
            "energy": action.square().mean(dim=-1),
            "survival": torch.ones_like(x),
            "upright": (self.sensor(after, "up_axis")[..., 2] > 0).float(),
        }

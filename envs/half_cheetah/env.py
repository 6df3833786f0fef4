"""HalfCheetah-v5 as Gymnasium has it: start states, observation, and our fitness vector."""

from __future__ import annotations

import torch
from torch import Tensor

from autoreward.environments.mujoco import MujocoEnvironment
from autoreward.sim.physics import Physics

_RESET_NOISE = 0.1


class HalfCheetah(MujocoEnvironment):
    """Planar runner; qpos = rootx, rootz, rooty and six joints."""

    def initial(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw uniform noise on qpos and normal noise on qvel, both of scale 0.1."""
        nq, nv, _ = self.sizes
        qpos = self.qpos0 + self.uniform(count, nq, _RESET_NOISE, generator)
        return qpos, self.normal(count, nv, _RESET_NOISE, generator)

    def observation(self, physics: Physics) -> Tensor:
        """Return qpos without the position along the track, then qvel. Shape: (..., 17)."""
        return torch.cat([physics.qpos[..., 1:], physics.qvel], dim=-1)

    def terminated(self, physics: Physics) -> Tensor:
        """Return False everywhere. Shape: (...)."""
        return torch.zeros_like(physics.qpos[..., 0], dtype=torch.bool)

    def fitness_steps(self, before: Physics, action: Tensor, after: Physics) -> dict[str, Tensor]:
        """Return each fitness's value of one step; see schema.yaml."""
        speed = (after.qpos[..., 0] - before.qpos[..., 0]) / self.dt
        return {
            "forward_speed": speed,
            "backward_speed": -speed,
            "energy": action.square().mean(dim=-1),
            "upright": (after.qpos[..., 2].cos() > 0).float(),
        }

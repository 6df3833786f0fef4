"""InvertedDoublePendulum-v5 as Gymnasium has it: starts, observation, end, our fitness vector."""

from __future__ import annotations

import torch
from torch import Tensor

from autoreward.environments.mujoco import MujocoEnvironment
from autoreward.sim.physics import Physics

_RESET_NOISE = 0.1
_POLE = 0.6
_FALLEN = 1.0


class InvertedDoublePendulum(MujocoEnvironment):
    """Cart with two poles; qpos = cart, lower pole, upper pole relative to the lower.

    The tip comes from forward kinematics, not from a sensor, because the end of an episode must
    belong to the very state it is judged on.
    """

    def initial(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw uniform noise on qpos and normal noise on qvel, both of scale 0.1."""
        nq, nv, _ = self.sizes
        qpos = self.qpos0 + self.uniform(count, nq, _RESET_NOISE, generator)
        return qpos, self.normal(count, nv, _RESET_NOISE, generator)

    def observation(self, physics: Physics) -> Tensor:
        """Return cart, sines, cosines, clamped velocities, force of the rail's end on the cart.

        Shape: (..., 9).
        """
        cart, angles = physics.qpos[..., :1], physics.qpos[..., 1:]
        # The rail's end pushes toward the middle; the sensor knows only how hard.
        force = -cart.sign() * self.sensor(physics, "cart_limit_force")
        return torch.cat(
            [cart, angles.sin(), angles.cos(), physics.qvel.clamp(-10, 10), force.clamp(-10, 10)],
            dim=-1,
        )

    def terminated(self, physics: Physics) -> Tensor:
        """Return whether the tip is at or below 1 m. Shape: (...), bool."""
        return _tip(physics)[..., 1] <= _FALLEN

    def derived(self, physics: Physics) -> dict[str, Tensor]:
        """Return the place and the height of the tip of the upper pole."""
        tip = _tip(physics)
        return {"tip_position": tip, "tip_height": tip[..., 1]}

    def fitness_steps(self, before: Physics, action: Tensor, after: Physics) -> dict[str, Tensor]:
        """Return each fitness's value of one step; see schema.yaml."""
        tip = _tip(after)
        return {
            "balance_time": (tip[..., 1] > _FALLEN) * self.dt,
            "sway": tip[..., 0].abs(),
            "energy": action.square().mean(dim=-1),
        }


def _tip(physics: Physics) -> Tensor:
    """Return x and z of the tip. Shape: (..., 2)."""
    lower = physics.qpos[..., 1]
    upper = lower + physics.qpos[..., 2]
    x = physics.qpos[..., 0] + _POLE * (lower.sin() + upper.sin())
    return torch.stack([x, _POLE * (lower.cos() + upper.cos())], dim=-1)

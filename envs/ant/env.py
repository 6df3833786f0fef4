"""Ant-v5 as Gymnasium has it without contact forces in the observation, and our fitness vector."""

from __future__ import annotations

import torch
from torch import Tensor

from autoreward.environments.mujoco import MujocoEnvironment
from autoreward.sim.physics import Physics

_RESET_NOISE = 0.1
_LEGS = ("leg_1", "leg_2", "leg_3", "leg_4")
_LEG_HALF_LENGTH, _LEG_RADIUS = 0.2 * 2**0.5, 0.08
"""A lower leg is a capsule, m."""
_ON_BACK, _LOW = -0.8, 0.3
"""Lying: uprightness below, height of the torso below (m); at rest on the back -0.92 and 0.27."""
_UNREST = 1.0
"""Velocity of anything (m/s, rad/s) from which on the robot does not lie still."""
_LIFTED, _RAISED, _LEVEL, _HOME = 0.05, 0.4, 0.9, 0.5
"""Waving: foot above (m), torso above (m; slumped 0.38), uprightness above, within (m)."""
_WAVE = 2.0
"""Speed of leg 1's joints that counts in full, rad/s: 0.1 rad or 7 cm of the foot in a step."""


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
        """Return for each leg 1 on the ground and else 0, and the gap under it, m. Shape: (..., 4).

        The gap is exact (foot or knee, whichever is lower), the contact has a margin of 1 cm.
        """
        counts = torch.cat([self.sensor(physics, f"{leg}_contact") for leg in _LEGS], dim=-1)
        centre = torch.stack([self.sensor(physics, f"{leg}_position")[..., 2] for leg in _LEGS], -1)
        tilt = torch.stack([self.sensor(physics, f"{leg}_axis")[..., 2] for leg in _LEGS], -1)
        lowest = centre - _LEG_HALF_LENGTH * tilt.abs() - _LEG_RADIUS
        return {"foot_contact": (counts > 0).float(), "foot_clearance": lowest.clamp(min=0)}

    def fitness_steps(self, before: Physics, action: Tensor, after: Physics) -> dict[str, Tensor]:
        """Return each fitness's value of one step; see schema.yaml."""
        x = after.qpos[..., 0]
        return {
            "forward_speed": (x - before.qpos[..., 0]) / self.dt,
            "energy": action.square().mean(dim=-1),
            "survival": torch.ones_like(x),
            "upright": (self.sensor(after, "up_axis")[..., 2] > 0).float(),
            "lying": self._lying(after),
            "waving": self._waving(before, after),
        }

    def _lying(self, physics: Physics) -> Tensor:
        # On its back, since it cannot lie on its belly: its legs do not bend that far up, and
        # without torque it only slumps to 0.38 m.
        on_back = self.sensor(physics, "up_axis")[..., 2] < _ON_BACK
        rest = (1 - physics.qvel.abs().amax(dim=-1) / _UNREST).clamp(min=0)
        return rest * (on_back & (physics.qpos[..., 2] < _LOW))

    def _waving(self, before: Physics, after: Physics) -> Tensor:
        # One step cannot tell a wave from a shake, but a shake reverses and is slow more often.
        first, last = before.qvel[..., 6:8], after.qvel[..., 6:8]
        onward = (first * last).sum(dim=-1) > 0
        slower = torch.minimum(first.norm(dim=-1), last.norm(dim=-1))
        legs = self.derived(after)
        standing = (
            (legs["foot_clearance"][..., 0] > _LIFTED)
            & (legs["foot_contact"][..., 1:] > 0).all(dim=-1)
            & (after.qpos[..., 2] > _RAISED)
            & (self.sensor(after, "up_axis")[..., 2] > _LEVEL)
            & (after.qpos[..., :2].norm(dim=-1) < _HOME)
        )
        return (slower / _WAVE).clamp(max=1) * (onward & standing)

"""Reacher-v5 as Gymnasium has it: start states, observation, and our fitness vector."""

from __future__ import annotations

import torch
from torch import Tensor

from autoreward.environments.mujoco import MujocoEnvironment
from autoreward.sim.physics import Physics

_UPPER_ARM, _FOREARM = 0.1, 0.11
"""Lengths from joint to joint and from elbow to fingertip, m."""
_TARGET_RADIUS = 0.2
_REACHED = 0.01


class Reacher(MujocoEnvironment):
    """Two-link arm; qpos = shoulder, elbow, target x, target y.

    The fingertip comes from forward kinematics, not from a sensor, because the observation must
    belong to the very state it describes.
    """

    def initial(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw joints near 0 and the target uniformly from a disc of radius 0.2 m."""
        joints = self.qpos0[:2] + self.uniform(count, 2, 0.1, generator)
        # Radius and angle give the distribution that Gymnasium gets by rejection.
        draw = torch.rand(count, 2, generator=generator, dtype=torch.float64)
        radius, angle = _TARGET_RADIUS * draw[:, 0].sqrt(), 2 * torch.pi * draw[:, 1]
        target = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
        qvel = self.uniform(count, 4, 0.005, generator)
        qvel[:, 2:] = 0
        return torch.cat([joints, target], dim=1), qvel

    def observation(self, physics: Physics) -> Tensor:
        """Return cos and sin of the joints, target, joint velocities, fingertip minus target.

        Shape: (..., 10).
        """
        joints, target = physics.qpos[..., :2], physics.qpos[..., 2:]
        offset = _fingertip(physics) - target
        return torch.cat([joints.cos(), joints.sin(), target, physics.qvel[..., :2], offset], -1)

    def terminated(self, physics: Physics) -> Tensor:
        """Return False everywhere. Shape: (...)."""
        return torch.zeros_like(physics.qpos[..., 0], dtype=torch.bool)

    def derived(self, physics: Physics) -> dict[str, Tensor]:
        """Return the fingertip's place and motion, and where it stands to the target."""
        fingertip, velocity = _fingertip(physics), _fingertip_velocity(physics)
        offset = physics.qpos[..., 2:] - fingertip
        return {
            "fingertip_position": fingertip,
            "fingertip_velocity": velocity,
            "fingertip_to_target": offset,
            "fingertip_distance": offset.norm(dim=-1),
            "fingertip_speed": velocity.norm(dim=-1),
        }

    def fitness_steps(self, before: Physics, action: Tensor, after: Physics) -> dict[str, Tensor]:
        """Return each fitness's value of one step; see schema.yaml."""
        distance = (after.qpos[..., 2:] - _fingertip(after)).norm(dim=-1)
        return {
            "distance": distance,
            "success": (distance < _REACHED).float(),
            "final_distance": distance,
            "energy": action.square().mean(dim=-1),
        }


def _fingertip(physics: Physics) -> Tensor:
    shoulder = physics.qpos[..., 0]
    forearm = shoulder + physics.qpos[..., 1]
    x = _UPPER_ARM * shoulder.cos() + _FOREARM * forearm.cos()
    return torch.stack([x, _UPPER_ARM * shoulder.sin() + _FOREARM * forearm.sin()], dim=-1)


def _fingertip_velocity(physics: Physics) -> Tensor:
    shoulder, elbow = physics.qpos[..., 0], physics.qpos[..., 1]
    rate = physics.qvel[..., 0]
    forearm, forearm_rate = shoulder + elbow, rate + physics.qvel[..., 1]
    x = -_UPPER_ARM * shoulder.sin() * rate - _FOREARM * forearm.sin() * forearm_rate
    y = _UPPER_ARM * shoulder.cos() * rate + _FOREARM * forearm.cos() * forearm_rate
    return torch.stack([x, y], dim=-1)

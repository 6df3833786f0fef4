"""Hopper-v5 as Gymnasium has it: start states, observation, ends, and our fitness vector."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from autoreward.environments.mujoco import MujocoEnvironment
from autoreward.sim.physics import Physics

_RESET_NOISE = 5e-3
_UPRIGHT, _SANE = 0.2, 100.0
"""Limit of the pitch, rad; of the joint angles, rad, and of all velocities, m/s and rad/s."""
_STANDING = 1.21
"""Height of the torso with a straight leg and the foot flat on the ground, m."""
_FOOT_HALF_LENGTH, _FOOT_RADIUS = 0.195, 0.06
"""The foot is a capsule lying in the direction of travel, m."""
_HOME = 1.0
"""Hops count within this distance of the start, m."""
_LANDING_TILT, _LANDING_HEIGHT = 0.5, 0.8
"""A turn is landed with the torso this near to upright (rad) and at least this high (m)."""
_BEGUN_TURN = 0.25
"""Worth of a turn that is not landed."""


class Hopper(MujocoEnvironment):
    """Planar hopper; qpos = rootx, rootz (the torso's height), rooty, hip, knee, ankle."""

    def initial(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw uniform noise of scale 0.005 on qpos and on qvel."""
        nq, nv, _ = self.sizes
        qpos = self.qpos0 + self.uniform(count, nq, _RESET_NOISE, generator)
        return qpos, self.uniform(count, nv, _RESET_NOISE, generator)

    def observation(self, physics: Physics) -> Tensor:
        """Return qpos without x, then qvel clamped to [-10, 10]. Shape: (..., 11)."""
        return torch.cat([physics.qpos[..., 1:], physics.qvel.clamp(-10, 10)], dim=-1)

    def terminated(self, physics: Physics) -> Tensor:
        """Return whether the robot fell, by the rule of the task. Shape: (...), bool."""
        height = physics.qpos[..., 1]
        if self.terminate == "never":
            return torch.zeros_like(height, dtype=torch.bool)
        if self.terminate == "fallen":
            return (height < 0.4) | (self._body_contact(physics) > 0)
        angles = physics.qpos[..., 2:].abs()
        upright = (angles[..., 0] < _UPRIGHT) & (angles < _SANE).all(dim=-1)
        return ~(upright & (height > 0.7) & (physics.qvel.abs() < _SANE).all(dim=-1))

    def derived(self, physics: Physics) -> dict[str, Tensor]:
        """Return the gap under the foot, m, and how many points of the other parts touch."""
        # All leg joints turn about -y, the torso about +y: the foot's tilt is their difference.
        tilt = physics.qpos[..., 2] - physics.qpos[..., 3:6].sum(dim=-1)
        centre = self.sensor(physics, "foot_position")[..., 2]
        lowest = centre - _FOOT_HALF_LENGTH * tilt.sin().abs() - _FOOT_RADIUS
        return {
            "foot_clearance": lowest.clamp(min=0),
            "body_contact": self._body_contact(physics),
        }

    def fitness_steps(self, before: Physics, action: Tensor, after: Physics) -> dict[str, Tensor]:
        """Return each fitness's value of one step; see schema.yaml."""
        x, height = after.qpos[..., 0], after.qpos[..., 1]
        rise = height - _STANDING
        hop = torch.minimum(rise, self.derived(after)["foot_clearance"]).clamp(min=0)
        return {
            "forward_speed": (x - before.qpos[..., 0]) / self.dt,
            "hop_height": hop * (x.abs() < _HOME),
            "peak_height": rise,
            "backflips": self._flips(after, -1),
            "front_flips": self._flips(after, 1),
            "energy": action.square().mean(dim=-1),
            "survival": torch.ones_like(x),
        }

    def _body_contact(self, physics: Physics) -> Tensor:
        parts = [self.sensor(physics, f"{part}_contact") for part in ("torso", "thigh", "shin")]
        return torch.cat(parts, dim=-1).sum(dim=-1)

    def _flips(self, physics: Physics, direction: int) -> Tensor:
        # A roll over the ground is no flip: there the task's rule ends the episode.
        turns = direction * physics.qpos[..., 2] / (2 * math.pi)
        whole = turns.round().clamp(min=0)
        landed = (
            (self.sensor(physics, "foot_contact")[..., 0] > 0)
            & ((turns - whole).abs() * 2 * math.pi < _LANDING_TILT)
            & (physics.qpos[..., 1] > _LANDING_HEIGHT)
        )
        return torch.where(landed, whole, _BEGUN_TURN * turns.clamp(0, 1))

"""Kinetic energy with a made-up mass matrix."""

import torch

_MASS = ((2.0, 0.1, 0.0), (0.1, 1.5, 0.1), (0.0, 0.1, 1.0))


def energy(state, action, next_state):
    mass = torch.tensor(_MASS)
    v = next_state.joint_velocity
    return 0.5 * torch.einsum("bi,ij,bj->b", v, mass, v)


def power(state, action, next_state):
    return torch.einsum("bi,bi->b", action, next_state.joint_velocity).abs()


FORMULA = "-1 * energy - 0.1 * power"

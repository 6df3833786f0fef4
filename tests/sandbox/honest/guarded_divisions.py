"""Safe with zeros and with very small numbers."""

import torch

_EPS = 1e-8


def efficiency(state, action, next_state):
    power = (action * next_state.joint_velocity).abs().sum(dim=-1)
    return next_state.speed.clamp_min(0.0) / torch.clamp(power, min=0.1)


def log_distance(state, action, next_state):
    gap = norm(next_state.goal - next_state.position)
    return -torch.log(gap + 0.01)


def root(state, action, next_state):
    return torch.sqrt(next_state.height.abs() + _EPS)


FORMULA = "clip(efficiency, 0, 2) + 0.1 * log_distance + 0.1 * root"

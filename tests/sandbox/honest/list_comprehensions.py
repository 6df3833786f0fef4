"""Lists, zips and enumerations over joints."""

import torch

_GAINS = (1.0, 0.5, 0.25)


def weighted_speed(state, action, next_state):
    v = next_state.joint_velocity
    parts = [gain * v[:, i].abs() for i, gain in enumerate(_GAINS)]
    return torch.stack(parts, dim=-1).sum(dim=-1)


def pairs(state, action, next_state):
    left = [action[:, i] for i in range(2)]
    right = [action[:, i + 1] for i in range(2)]
    return sum([(a - b).abs() for a, b in zip(left, right)])


FORMULA = "-0.1 * weighted_speed - 0.1 * pairs"

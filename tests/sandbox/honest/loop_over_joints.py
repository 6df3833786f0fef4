"""Every joint counts with its own weight and its own limit."""

import torch

WEIGHTS = (0.5, 1.0, 2.0)
LIMITS = (4.0, 6.0, 8.0)


def over_speed(state, action, next_state):
    total = torch.zeros_like(next_state.speed)
    for i in range(3):
        excess = (next_state.joint_velocity[:, i].abs() - LIMITS[i]).clamp(min=0.0)
        total = total + WEIGHTS[i] * excess
    return total


def symmetric(state, action, next_state):
    difference = 0.0
    for i, j in ((0, 1), (1, 2)):
        difference = difference + (action[:, i] - action[:, j]) ** 2
    return difference


FORMULA = "-1 * over_speed - 0.1 * symmetric"

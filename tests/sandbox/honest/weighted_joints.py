"""Different joints deserve different care: weights and limits per joint, written as loops."""

import torch

# hip, knee, ankle
WEIGHTS = (0.5, 0.3, 0.2)
LIMITS = (0.5, 0.8, 1.0)  # rad/s
N_JOINTS = 3


def overspeed(state, action, next_state):
    """Weighted excess over each joint's limit."""
    total = torch.zeros_like(next_state.speed)
    for i, (weight, limit) in enumerate(zip(WEIGHTS, LIMITS)):
        excess = (next_state.joint_velocity[:, i].abs() - limit).clamp_min(0.0)
        total = total + weight * excess / limit
    return total


def agreement(state, action, next_state):
    """How often neighbouring motors push the same way, in [-1, 1]."""
    score = 0.0 * next_state.speed
    for j in range(N_JOINTS - 1):
        score += torch.sign(action[:, j]) * torch.sign(action[:, j + 1])
    return score / (N_JOINTS - 1)


def travelled(state, action, next_state):
    return (next_state.position[:, 0] - state.position[:, 0]) / 0.05


FORMULA = "tanh(travelled) + 0.05 * agreement - 0.1 * overspeed"

"""Bring the hand to the goal. Getting nearer is paid as a potential, being there step by step."""

import torch

ARM_LENGTH = 1.8  # m, no start is farther from a goal
TOUCH = 0.05


def nearness(state, action, next_state):
    """1 at the goal, 0 at an arm's length."""
    gap = distance(next_state.position, next_state.goal)
    return 1.0 - torch.clamp(gap / ARM_LENGTH, min=0.0, max=1.0)


def touching(state, action, next_state):
    """1 within 5 cm."""
    gap = distance(next_state.position, next_state.goal)
    return tolerance(gap, upper=TOUCH, margin=6 * TOUCH)


def still(state, action, next_state):
    """How slowly the joints turn, in [0, 1]."""
    return bell(norm(next_state.joint_velocity), sigma=1.5)


FORMULA = "20 * potential(nearness) + touching * (0.6 + 0.4 * still)"

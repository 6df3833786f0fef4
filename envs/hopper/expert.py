"""Gymnasium's Hopper-v5 reward: forward velocity, 1 for each healthy step, a small control cost."""

import torch


def forward(state, action, next_state):
    """Mean forward velocity of the step, m/s."""
    return (next_state.torso_x - state.torso_x) / 0.008


def healthy(state, action, next_state):
    """1 where the next state does not end the episode, else 0."""
    upright = (next_state.torso_height > 0.7) & (next_state.pitch.abs() < 0.2)
    rates = torch.stack(
        [next_state.forward_velocity, next_state.vertical_velocity, next_state.pitch_rate], dim=-1
    )
    rest = torch.cat([rates, next_state.joint_position, next_state.joint_velocity], dim=-1)
    return (upright & (rest.abs().amax(dim=-1) < 100.0)).float()


def control(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "forward + healthy - 0.001 * control"

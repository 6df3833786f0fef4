"""1 in a step after which the robot lies still on its back, else 0."""

import torch


def success(state, action, next_state):
    """Whether the torso is upside down and low, and no velocity is above 0.5 m/s or 0.5 rad/s."""
    on_back = (next_state.uprightness < -0.8) & (next_state.torso_height < 0.3)
    torso = [
        next_state.forward_velocity,
        next_state.lateral_velocity,
        next_state.vertical_velocity,
    ]
    rates = [torch.stack(torso, dim=-1), next_state.angular_velocity, next_state.joint_velocity]
    still = torch.cat(rates, dim=-1).abs().amax(dim=-1) < 0.5
    return (on_back & still).float()


FORMULA = "success"

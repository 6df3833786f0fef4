"""run, in the style of Eureka."""

from typing import Dict, Tuple

import torch


def compute_reward(state, action, next_state) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    """Forward velocity, a healthy bonus and a control cost."""
    velocity_reward = torch.clamp(next_state.forward_velocity, min=-1.0, max=4.0)
    healthy = (next_state.torso_height > 0.8) & (next_state.pitch.abs() < 0.2)
    healthy_bonus = 0.5 * healthy.float()
    control_cost = 0.001 * torch.sum(torch.square(action), dim=-1)
    total = velocity_reward + healthy_bonus - control_cost
    return total, {
        "velocity_reward": velocity_reward,
        "healthy_bonus": healthy_bonus,
        "control_cost": -control_cost,
    }

"""compute_reward that returns one dict with the total in it."""

import torch


def compute_reward(state, action, next_state):
    rewards = {
        "reach": torch.exp(-torch.norm(next_state.goal - next_state.position, dim=-1)),
        "height": next_state.height.clamp(0.0, 1.0),
        "cost": -0.01 * action.abs().sum(dim=-1),
    }
    rewards["total"] = rewards["reach"] + 0.5 * rewards["height"] + rewards["cost"]
    return rewards


FORMULA = "total"

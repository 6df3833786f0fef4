"""Weights in a dict, summed in a loop."""

import torch


def compute_reward(state, action, next_state):
    weights = {"speed": 1.0, "upright": 0.3, "effort": -0.05}
    terms = {
        "speed": next_state.speed.clamp(-1.0, 3.0),
        "upright": torch.cos(next_state.pitch),
        "effort": (action**2).sum(dim=-1),
    }
    total = torch.zeros_like(next_state.speed)
    for name, value in terms.items():
        total = total + weights[name] * value
    return total, terms


FORMULA = "total"

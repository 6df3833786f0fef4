from typing import Dict, List

import torch


def _scaled(value: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    return value * scale


def compute_reward(state, action, next_state):
    """Seven terms, each with its weight next to it; the total is collected in a loop."""
    terms = {
        "velocity": next_state.speed.clamp(-1.0, 3.0),
        "height": -torch.abs(next_state.height - 1.1),
        "pitch": -torch.square(next_state.pitch).clamp(max=2.0),
        "torque": -_scaled(torch.sum(torch.square(action), dim=-1), 0.05),
        "action_rate": -_scaled((next_state.joint_velocity - state.joint_velocity).abs().sum(-1), scale=0.01),
        "contact": (next_state.contact > 0.0).to(torch.float32) * 0.1,
        "survival": torch.full_like(next_state.height, 0.5),
    }
    total = torch.zeros_like(next_state.height)
    kept: List[torch.Tensor] = []
    for name, value in terms.items():
        if name == "survival":
            continue
        total = total + value
        kept.append(value)
    mean = total / len(kept)
    terms["total"] = total + 0.1 * mean
    return terms

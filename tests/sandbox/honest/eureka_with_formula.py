"""Eureka's form, with a FORMULA over the returned parts instead of the plain sum."""

import math
from typing import Dict

import torch


def _exp_reward(error, temperature):
    return torch.exp(-error / temperature)


def compute_reward(state, action, next_state):
    parts: Dict[str, torch.Tensor] = {}

    gap = torch.linalg.vector_norm(next_state.goal - next_state.position, dim=-1)
    parts["reach"] = _exp_reward(gap, temperature=0.5)
    parts["tight"] = _exp_reward(gap, temperature=0.1)

    energy = torch.sum(torch.abs(action * next_state.joint_velocity), dim=-1)
    parts["energy"] = torch.tanh(energy / math.e)

    # a bonus that is only paid once everything else is good
    bonus = torch.where(gap < 0.05, torch.ones_like(gap), torch.zeros_like(gap))
    parts["bonus"] = bonus

    total = sum(parts.values()) - 2 * parts["energy"]
    return total, parts


FORMULA = "normalize(reach) + tight + 5 * bonus - 0.1 * energy"

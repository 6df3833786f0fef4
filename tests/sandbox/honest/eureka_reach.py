import torch
from typing import Dict, Tuple


def compute_reward(state, action, next_state) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Temperature parameters for the exponential transformations
    distance_temperature: float = 2.0
    smooth_temperature: float = 0.5

    # Distance of the hand to the goal
    goal_distance = torch.norm(next_state.position - next_state.goal, p=2, dim=-1)
    distance_reward = torch.exp(-distance_temperature * goal_distance)

    # Smooth motion
    joint_energy = torch.sum(next_state.joint_velocity**2, dim=-1)
    smooth_reward = torch.exp(-smooth_temperature * joint_energy) * 0.1

    # Bonus for being very close
    close = goal_distance < 0.05
    bonus = torch.where(close, torch.ones_like(goal_distance), torch.zeros_like(goal_distance))

    total_reward = distance_reward + smooth_reward + bonus
    return total_reward, {
        "distance_reward": distance_reward,
        "smooth_reward": smooth_reward,
        "bonus": bonus,
    }


FORMULA = "total"

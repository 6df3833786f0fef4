from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(state, action: Tensor, next_state) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Temperature parameters for the exponential transforms
    speed_temp: float = 0.2
    upright_temp: float = 2.0
    effort_temp: float = 0.5

    # 1. Encourage running forward as fast as possible
    speed = torch.clamp(next_state.speed, min=-3.0, max=3.0)
    speed_reward = torch.exp(speed_temp * speed) - 1.0

    # 2. Keep the torso upright
    upright_reward = torch.exp(-upright_temp * torch.abs(next_state.pitch))

    # 3. Penalise big torques
    effort_penalty = torch.exp(-effort_temp * torch.sum(action ** 2, dim=-1)) - 1.0

    # 4. Discourage banging the feet into the floor
    contact_penalty = -0.01 * torch.square(torch.relu(next_state.contact))

    total_reward = speed_reward + 0.5 * upright_reward + 0.1 * effort_penalty + contact_penalty

    reward_components = {
        "speed_reward": speed_reward,
        "upright_reward": upright_reward,
        "effort_penalty": effort_penalty,
        "contact_penalty": contact_penalty,
    }
    return total_reward, reward_components

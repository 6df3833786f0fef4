"""run, as a chat model writes it: all in compute_reward, with temperatures."""

import torch


def compute_reward(state, action, next_state):
    """Forward velocity, posture and effort."""
    forward_velocity = next_state.forward_velocity
    velocity_temperature = 3.0
    velocity_reward = torch.tanh(forward_velocity / velocity_temperature)
    pitch_penalty = 0.1 * torch.abs(next_state.pitch)
    energy_penalty = 0.05 * torch.mean(action ** 2, dim=-1)
    total_reward = velocity_reward - pitch_penalty - energy_penalty
    return total_reward, {
        "velocity_reward": velocity_reward,
        "pitch_penalty": -pitch_penalty,
        "energy_penalty": -energy_penalty,
    }

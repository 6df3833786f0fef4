"""Different rules in the air and on the ground."""

import torch


def phase_reward(state, action, next_state):
    on_ground = next_state.contact > 0.5
    took_off = (state.contact > 0.5) & ~on_ground
    landed = ~(state.contact > 0.5) & on_ground
    in_air = torch.logical_not(on_ground)
    reward = torch.zeros_like(next_state.height)
    reward = torch.where(in_air, next_state.height, reward)
    reward = torch.where(on_ground, 0.5 * next_state.speed, reward)
    reward = reward + took_off.float() - 0.5 * landed.to(torch.float32)
    return reward.masked_fill(next_state.pitch.abs() > 1.5, -1.0)


FORMULA = "phase_reward"

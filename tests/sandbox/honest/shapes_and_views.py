"""Reshaping that a careful person writes when vectors have to line up."""

import torch


def aligned(state, action, next_state):
    both = torch.cat([action.unsqueeze(1), next_state.joint_velocity.unsqueeze(1)], dim=1)
    flat = both.reshape(-1, 6)
    first, second = flat.split(3, dim=-1)
    return (first * second).sum(-1) / (first.norm(dim=-1) * second.norm(dim=-1) + 1e-6)


def corners(state, action, next_state):
    p = next_state.position.view(-1, 3)
    shifted = torch.roll(p, shifts=1, dims=-1)
    flipped = p.flip(-1)
    return (p - shifted).abs().sum(dim=1) + 0.1 * (p * flipped).mean(dim=1)


FORMULA = "aligned - 0.1 * corners"

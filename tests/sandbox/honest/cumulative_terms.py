"""A chain of joints: errors add up along the arm, so early joints weigh more."""

import torch


def tip_speed(state, action, next_state):
    """Speed of the last link: joint velocities add up along the chain."""
    links = torch.cumsum(next_state.joint_velocity, dim=-1)
    return torch.tanh(links[:, -1].abs() / 5.0)


def chain_transmission(state, action, next_state):
    """How much of a push reaches the tip when each motor passes on a share of it."""
    shares = 1.0 - 0.5 * action.abs()
    passed = torch.cumprod(shares, dim=-1)
    return passed.mean(dim=-1)


def monotone(state, action, next_state):
    """1 where joint velocities grow along the chain, less for every drop."""
    steps = torch.diff(next_state.joint_velocity, dim=-1)
    return 1.0 - torch.count_nonzero(steps < 0, dim=-1).float() / steps.shape[-1]


def peaks(state, action, next_state):
    """Gap between the running maximum and the running minimum along the chain."""
    high = torch.cummax(next_state.joint_velocity, dim=-1).values
    low = torch.cummin(next_state.joint_velocity, dim=-1)[0]
    return torch.sub(high, low).mean(dim=-1)


def mirrored(state, action, next_state):
    """How symmetric the actions are about the middle joint."""
    mirror = torch.flip(action, dims=[-1])
    return torch.negative((action - mirror).abs().sum(dim=-1)) / 2.0


def variance(state, action, next_state):
    """Variance of the actions over the motors."""
    return torch.var(action, dim=-1, unbiased=False)


FORMULA = (
    "0.5 * tip_speed + 0.2 * chain_transmission + 0.2 * monotone"
    " - 0.02 * peaks + 0.05 * mirrored - 0.01 * variance"
)

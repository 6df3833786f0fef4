"""Lame leg: the last joint is ignored, the slowest is helped, the rest goes by index tensors."""

import torch

IGNORED = 2
ORDER = (2, 0, 1)


def _masked(v):
    """Without the lame joint."""
    return v.index_fill(1, torch.tensor([IGNORED]), 0.0)


def healthy_power(state, action, next_state):
    """Power of the two healthy joints."""
    power = _masked(action) * _masked(next_state.joint_velocity)
    return power.sum(dim=-1).div(2.0).sigmoid()


def slowest(state, action, next_state):
    """Action on the joint that is slowest, pushed in the direction that it turns."""
    v = next_state.joint_velocity
    index = torch.argmin(v.abs(), dim=-1, keepdim=True)
    chosen = torch.zeros_like(v).scatter(1, index, 1.0)
    helped = chosen * action * v.sign()
    return helped.sum(dim=1)


def permuted(state, action, next_state):
    """How far the action is from the joints' velocity, passed around in a ring."""
    ring = torch.index_select(action, 1, torch.tensor(ORDER))
    a, b = torch.broadcast_tensors(ring, next_state.joint_velocity)
    return torch.concat((a, b), dim=1).var(dim=1, unbiased=False)


def second_best(state, action, next_state):
    """Number of the second fastest joint, 0 to 1: prefers the distal ones."""
    found = next_state.joint_velocity.abs().topk(2, dim=-1)
    return found.indices[:, 1].float() / 2.0


def settled(state, action, next_state):
    """1 where every joint's velocity is that of the last step, within a tolerance."""
    same = torch.isclose(next_state.joint_velocity, state.joint_velocity, rtol=0.1, atol=0.3)
    return torch.all(same, dim=-1)


def busy(state, action, next_state):
    """1 where any motor is beyond nine tenths of its range."""
    hard = torch.greater_equal(action.abs(), 0.9)
    return torch.any(hard.ne(False), dim=-1)


FORMULA = (
    "krc(healthy_power, 0.5 + 0.5 * settled) + 0.05 * slowest - 0.02 * permuted"
    " + 0.01 * second_best - 0.1 * busy"
)

"""Soft walls: cosh potentials and log barriers keep the hand inside its cage."""

import math

import torch

CAGE = 1.5
SOFT = 0.25
_AT_WALL = math.cosh(CAGE / SOFT) - 1.0
_ASINH = math.asinh(10.0)


def walls(state, action, next_state):
    """0 in the middle, 1 at a wall (cosh), at most 4; the mean over the axes."""
    inside = next_state.position.clamp(-1.2 * CAGE, 1.2 * CAGE)
    rise = (torch.cosh(inside / SOFT) - 1.0) / _AT_WALL
    return rise.clamp(max=4.0).mean(dim=-1)


def barrier(state, action, next_state):
    """-log of the free share of the cage, summed over the axes, >= 0."""
    share = (next_state.position / CAGE).square().clamp(max=0.99)
    return -torch.log1p(-share).sum(dim=-1)


def far_goal(state, action, next_state):
    """asinh of the distance: linear when near, logarithmic when far, 1 at 10 m."""
    return torch.asinh(distance(next_state.position, next_state.goal)) / _ASINH


def drive(state, action, next_state):
    """Fisher transform of the actions: the last percent of a motor's range is dear."""
    return torch.atanh(0.99 * action).square().mean(dim=-1)


def springs(state, action, next_state):
    """Progressive springs in the joints, as sinh."""
    push = torch.sinh(next_state.joint_velocity.clamp(-3.0, 3.0))
    return push.mul(action).sum(dim=-1) / math.sinh(3.0)


def stretched(state, action, next_state):
    """acosh of one plus the height's error."""
    return torch.acosh(1.0 + (next_state.height - 1.0).abs())


def hurried(state, action, next_state):
    """exp(x) - 1 of the speed, bounded."""
    return torch.expm1(next_state.speed.clamp(-2.0, 1.0))


FORMULA = (
    "-1 * far_goal - 0.2 * walls - 0.1 * barrier - 0.01 * drive + 0.02 * springs"
    " - 0.2 * stretched + 0.1 * hurried"
)

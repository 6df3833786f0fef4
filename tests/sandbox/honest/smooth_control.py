"""Track 1 m/s with smooth actions (first and second differences, Savitzky-Golay in spirit)."""

import math

import torch

TARGET = 1.0
_SIGMA = 0.25 / math.sqrt(2.0 * math.log(2.0))  # half height at 0.25 m/s


def tracking(state, action, next_state):
    """1 at the target speed, 0.5 at 0.25 m/s from it."""
    return bell(next_state.speed - TARGET, _SIGMA)


def jerk(state, action, next_state, memory):
    """Squared second difference of the action, summed over the motors."""
    last = memory.setdefault("last", torch.zeros_like(action))
    before_last = memory.setdefault("before_last", torch.zeros_like(action))
    second = action - 2.0 * last + before_last
    memory["before_last"] = last
    memory["last"] = action
    return torch.sum(torch.square(second), dim=-1)


def rate(state, action, next_state, memory):
    """Mean absolute change of the action."""
    if "last" not in memory:
        memory["last"] = torch.zeros_like(action)
    change = action.sub(memory["last"]).abs().mean(dim=-1)
    memory["last"] = action.clone()
    return change


FORMULA = "tracking - 0.01 * jerk - 0.02 * rate"

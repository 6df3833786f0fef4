"""Keep an average speed over about one second, not each instant's."""

import math

import torch

HORIZON = 1.0  # s
DT = 0.05
_KEEP = math.exp(-DT / HORIZON)


def average_speed(state, action, next_state, memory):
    """Exponential average of the speed, corrected for its start at 0 (as Adam does)."""
    speed = next_state.speed
    mean = memory.get("mean", torch.zeros_like(speed))
    weight = memory.get("weight", torch.zeros_like(speed))
    memory["mean"] = torch.lerp(speed, mean, _KEEP)
    memory["weight"] = weight * _KEEP + (1.0 - _KEEP)
    return tolerance(memory["mean"] / memory["weight"], lower=0.8, upper=1.2, margin=1.0)


def steps_airborne(state, action, next_state, memory):
    """Log of the steps since the last contact: long flights pay less and less."""
    count = memory.get("count", torch.zeros_like(next_state.contact))
    count = torch.where(next_state.contact > 0, torch.zeros_like(count), count + 1)
    memory["count"] = count
    return torch.log1p(count)


def first_touch(state, action, next_state, memory):
    """1 in the first step of the episode that touches the ground."""
    touched = memory.get("touched", torch.zeros_like(next_state.contact, dtype=torch.bool))
    now = next_state.contact > 0
    memory["touched"] = torch.logical_or(touched, now)
    return (now & ~touched).float()


FORMULA = "average_speed + 0.05 * steps_airborne + first_touch"

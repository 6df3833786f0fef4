"""Move on, but change the motors gently. The last action is kept between steps."""

import torch


def forward(state, action, next_state):
    return next_state.speed


def jerk(state, action, next_state, memory):
    """Squared change of the action since the last step."""
    last = memory.get("last", action)
    memory["last"] = action
    return (action - last).square().sum(dim=-1)


FORMULA = "forward - 0.2 * jerk"

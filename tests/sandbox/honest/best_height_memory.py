"""Pay for every new record of height within the episode."""

import torch


def record(state, action, next_state, memory):
    best = memory.get("best", state.height)
    gain = (next_state.height - best).clamp_min(0.0)
    memory["best"] = torch.maximum(best, next_state.height)
    return gain


def still_up(state, action, next_state):
    return (next_state.height > 0.5).float()


FORMULA = "10 * record + 0.01 * still_up"

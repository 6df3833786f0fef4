"""Penalise chatter: the last five actions are kept and their high frequencies measured."""

import torch

LENGTH = 5
_KERNEL = (1.0, -4.0, 6.0, -4.0, 1.0)


def _pushed(window, action):
    """The window [B, 5, 3] with the oldest entry replaced by the newest."""
    shifted = torch.roll(window, shifts=-1, dims=1)
    return torch.cat([shifted.narrow(1, 0, LENGTH - 1), action.unsqueeze(1)], dim=1)


def chatter(state, action, next_state, memory):
    """Squared fourth difference of the actions, mean over motors."""
    empty = action.new_zeros(action.size(0), LENGTH, action.size(1))
    memory["window"] = _pushed(memory.get("window", empty), action)
    kernel = action.new_tensor(_KERNEL)
    filtered = torch.tensordot(memory["window"].movedim(1, -1), kernel, dims=1)
    return filtered.square().mean(dim=-1)


def reversals(state, action, next_state, memory):
    """How often a motor changed its direction within the window, 0 to 4, mean over motors."""
    empty = torch.zeros_like(action).unsqueeze(1).repeat(1, LENGTH, 1)
    window = _pushed(memory.get("window", empty), action)
    memory["window"] = window
    pairs = window.unfold(1, 2, 1)  # [B, 4, 3, 2]
    return (pairs.prod(dim=-1) < 0).sum(dim=1).float().mean(dim=-1)


def range_used(state, action, next_state, memory):
    """Width of the actions in the window."""
    empty = action.unsqueeze(1).expand(-1, LENGTH, -1)
    memory["window"] = _pushed(memory.get("window", empty), action)
    w = memory["window"]
    return (w.amax(dim=1) - w.amin(dim=1)).mean(dim=-1)


def fast(state, action, next_state):
    return torch.fmin(next_state.speed, torch.full_like(next_state.speed, 2.0))


FORMULA = "fast - 0.01 * chatter - 0.02 * reversals - 0.02 * range_used"

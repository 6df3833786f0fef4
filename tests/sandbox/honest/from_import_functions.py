"""Follow a reference pose; the losses are those that an imitation paper would use."""

import torch
from torch.nn.functional import huber_loss, l1_loss, mse_loss, pairwise_distance

REFERENCE = (0.3, -0.2, 0.5)
_REFERENCE_HEIGHT: float = 1.05


def _reference(like):
    return torch.tensor(REFERENCE).to(like.dtype).expand_as(like)


def pose(state, action, next_state):
    """DeepMimic: exp(-k * squared error)."""
    x = next_state.position
    error = mse_loss(x, _reference(x), reduction="none").sum(dim=-1)
    return torch.exp(-5.0 * error)


def motors(state, action, next_state):
    """Absolute error of the action against a slow return to the reference, mean over motors."""
    wanted = (_reference(state.position) - state.position).clamp(-1, 1)
    return l1_loss(action, wanted, reduction="none").mean(dim=-1)


def root(state, action, next_state):
    """Huber error of the height."""
    h = next_state.height
    return huber_loss(h, torch.full_like(h, _REFERENCE_HEIGHT), reduction="none", delta=0.2)


def goal_error(state, action, next_state):
    return pairwise_distance(next_state.position, next_state.goal, p=1.0)


FORMULA = "0.65 * pose - 0.1 * motors - 0.5 * root - 0.05 * tanh(goal_error)"

"""Thrust along the body's axis: rotation by the pitch, written with einsum and matrices."""

import torch


def _rotation(pitch: torch.Tensor) -> torch.Tensor:
    """Rotation about y, [B, 3, 3]."""
    c, s = torch.cos(pitch), torch.sin(pitch)
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    rows = [
        torch.stack([c, zero, s], dim=-1),
        torch.stack([zero, one, zero], dim=-1),
        torch.stack([-s, zero, c], dim=-1),
    ]
    return torch.stack(rows, dim=-2)


def thrust_toward_goal(state, action, next_state):
    """Cosine between the thrust in the world's frame and the direction of the goal."""
    rotation = _rotation(state.pitch)
    world = torch.einsum("bij,bj->bi", rotation, action)
    offset = state.goal - state.position
    return torch.cosine_similarity(world, offset, dim=-1, eps=1e-6)


def goal_ahead(state, action, next_state):
    """Share of the offset that lies along the body's x axis, in [-1, 1]."""
    offset = next_state.goal - next_state.position
    body = torch.bmm(_rotation(next_state.pitch).transpose(1, 2), offset.unsqueeze(-1))
    return body[:, 0, 0] / (body.squeeze(-1).norm(dim=-1) + 1e-6)


def lift(state, action, next_state):
    """Height of the body's z axis: the lower right entry of the rotation."""
    return _rotation(next_state.pitch).select(1, 2).select(1, 2)


def frame_error(state, action, next_state):
    """Frobenius distance between the frame and the world's, 0 to 2.8."""
    difference = _rotation(next_state.pitch) - torch.eye(3)
    return torch.linalg.matrix_norm(difference, dim=(-2, -1))


FORMULA = "thrust_toward_goal + 0.5 * goal_ahead + 0.5 * lift - 0.1 * frame_error"

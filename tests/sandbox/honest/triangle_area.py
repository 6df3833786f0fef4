"""Geometry of the hand, the goal and a fixed post: areas, determinants, cross products."""

import torch
import torch.linalg as LA

POST = (0.6, -0.4, 0.2)


def _edges(s):
    post = torch.tensor(POST)
    return s.goal - s.position, post - s.position


def area(state, action, next_state):
    """Area of the triangle hand, goal, post; 0 on the straight line between them, m^2."""
    a, b = _edges(next_state)
    return 0.5 * LA.vector_norm(LA.cross(a, b, dim=-1), ord=2, dim=-1)


def volume(state, action, next_state):
    """Signed volume spanned by hand, goal and the joints' velocity, squashed."""
    columns = torch.stack(
        (next_state.position, next_state.goal, next_state.joint_velocity), dim=-1
    )
    return torch.tanh(LA.det(columns))


def turning(state, action, next_state):
    """Which way the hand turned about z in this step, -1 to 1."""
    turn = torch.cross(state.position, next_state.position, dim=-1)
    return turn[..., 2] / (1.0 + turn.abs().sum(-1))


def regularised(state, action, next_state):
    """Mahalanobis length of the joints' velocity under a damped metric."""
    v = next_state.joint_velocity
    metric = torch.eye(3) * 0.5 + torch.ones(3, 3) * 0.1
    inverse = LA.inv(metric)
    return LA.matmul(v, inverse).mul(v).sum(dim=-1).clamp(min=0).sqrt()


FORMULA = "0.1 * volume + 0.1 * turning - area - 0.02 * regularised"

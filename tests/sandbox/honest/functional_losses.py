import torch
import torch.nn.functional as F


def tracking(state, action, next_state):
    target = torch.full_like(next_state.speed, 1.0)
    return -F.smooth_l1_loss(next_state.speed, target, reduction="none")


def soft_limits(state, action, next_state):
    over = F.relu(action.abs() - 0.8)
    near = F.softplus(10.0 * (action.abs() - 0.9)) / 10.0
    return -(over + near).sum(dim=-1)


def alignment(state, action, next_state):
    wanted = F.normalize(next_state.goal - next_state.position, dim=-1, eps=1e-6)
    moved = F.normalize(next_state.position - state.position, dim=-1, eps=1e-6)
    return F.cosine_similarity(wanted, moved, dim=-1)


FORMULA = "tracking + 0.1 * soft_limits + 0.5 * alignment"

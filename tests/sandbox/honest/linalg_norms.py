import torch


def closeness(state, action, next_state):
    d1 = torch.linalg.vector_norm(next_state.position - next_state.goal, ord=1, dim=-1)
    d2 = torch.linalg.norm(next_state.position - next_state.goal, dim=-1)
    dmax = (next_state.position - next_state.goal).abs().amax(dim=-1)
    return -(d1 / 3.0 + d2 + dmax)


def spin(state, action, next_state):
    return torch.linalg.cross(next_state.position, next_state.joint_velocity).norm(dim=-1)


FORMULA = "closeness - 0.01 * spin"

# LQR style cost, weights by Bryson's rule: 1 / (largest acceptable value)^2.
import torch

_Q_POSITION = (1 / 0.5 ** 2, 1 / 0.5 ** 2, 1 / 0.2 ** 2)
_Q_VELOCITY = (0.04, 0.04, 0.01)
_R = ((0.10, 0.02, 0.00), (0.02, 0.10, 0.02), (0.00, 0.02, 0.05))


def position_cost(state, action, next_state):
    """x' Q x with a diagonal Q."""
    error = next_state.position - next_state.goal
    q = torch.tensor(_Q_POSITION)
    return torch.einsum("bi,i,bi->b", error, q, error)


def velocity_cost(state, action, next_state):
    v = next_state.joint_velocity
    return torch.inner(v * v, torch.tensor(_Q_VELOCITY, dtype=v.dtype))


def control_cost(state, action, next_state):
    """u' R u; R couples neighbouring motors."""
    R = torch.tensor(_R)
    return ((action @ R) * action).sum(-1)


FORMULA = "-(position_cost + velocity_cost + control_cost)"

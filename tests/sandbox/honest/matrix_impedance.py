"""Impedance control: behave like a mass on a damped spring that hangs from the goal."""

import torch

STIFFNESS = ((40.0, 0.0, 0.0), (5.0, 40.0, 0.0), (0.0, 5.0, 60.0))
DAMPING = (4.0, 4.0, 6.0)
AXIS = (0.6, 0.0, 0.8)
FORCE_SCALE = 50.0


def _stiffness():
    """Symmetric, from its lower half."""
    lower = torch.tril(torch.tensor(STIFFNESS))
    return lower + torch.triu(lower.mT, diagonal=1)


def _force(s):
    pull = torch.matmul(s.goal - s.position, _stiffness())
    brake = torch.multiply(s.joint_velocity, torch.tensor(DAMPING))
    return pull - brake


def compliance(state, action, next_state):
    """Agreement of the action with the spring's force, in (0, 1]."""
    wanted = torch.tanh(_force(state) / FORCE_SCALE)
    return torch.exp(-norm(action - wanted))


def along_axis(state, action, next_state):
    """Share of the force that lies along the tool's axis, in [-1, 1]."""
    force = _force(next_state)
    axis = torch.tensor(AXIS)
    length = torch.dot(axis, axis).sqrt()
    return torch.mv(force, axis) / (length * force.norm(dim=-1) + 1e-3)


def across_axis(state, action, next_state):
    """Length of the motion across the tool's axis, m."""
    axis = torch.tensor(AXIS)
    across = torch.eye(3) - torch.outer(axis, axis)
    motion = next_state.position - state.position
    return motion.mm(across).norm(dim=-1)


def stored(state, action, next_state):
    """Energy in the spring, squashed."""
    offset = next_state.goal - next_state.position
    energy = 0.5 * (offset.unsqueeze(1).matmul(_stiffness().expand(offset.size(0), 3, 3))
                    .bmm(offset.unsqueeze(2)).reshape(-1))
    return energy / (energy + 20.0)


FORMULA = "compliance + 0.2 * along_axis - 0.5 * across_axis - stored"

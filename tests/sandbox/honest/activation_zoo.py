"""A reward by somebody who likes activation functions: each term has a shape of its own."""

from torch import Tensor
from torch.nn import functional as F


def speed_term(state, action, next_state) -> Tensor:
    """Leaky: going backwards costs a tenth of what going forward pays."""
    return F.leaky_relu(next_state.speed, negative_slope=0.1)


def height_term(state, action, next_state) -> Tensor:
    """Almost linear above 0.5 m, saturating below."""
    return F.elu(next_state.height - 0.5, alpha=0.5)


def contact_term(state, action, next_state) -> Tensor:
    """Light contact is free (threshold), beyond it a smooth penalty."""
    hard = F.threshold(next_state.contact, 0.3, 0.0)
    return -F.softsign(hard)


def joint_term(state, action, next_state) -> Tensor:
    """Small joint speeds are free: x - tanh(x) is flat at 0."""
    return -F.tanhshrink(next_state.joint_velocity).abs().sum(dim=-1)


def posture_term(state, action, next_state) -> Tensor:
    return F.hardsigmoid(6.0 * (0.4 - next_state.pitch.abs()))


def action_term(state, action, next_state) -> Tensor:
    """silu of the excess over half of the range."""
    return -F.silu(action.abs() - 0.5).mean(dim=-1)


def forward_motion(state, action, next_state) -> Tensor:
    """gelu of the step along x, in steps of 5 cm."""
    return F.gelu((next_state.position[:, 0] - state.position[:, 0]) / 0.05).clamp(max=2.0)


def mirror_term(state, action, next_state) -> Tensor:
    """Differences of neighbouring motors, the last one against a padded zero."""
    shifted = F.pad(action[:, 1:], (0, 1), value=0.0)
    return -F.softplus((action - shifted).abs().sum(dim=-1), beta=2.0)


def total_height(state, action, next_state) -> Tensor:
    return F.relu6(4.0 * next_state.height) / 6.0 + 0.1 * F.celu(next_state.height, alpha=0.3)


FORMULA = (
    "speed_term + 0.3 * height_term + contact_term + 0.05 * joint_term"
    " + posture_term + 0.1 * action_term + 0.2 * total_height"
    " + 0.1 * forward_motion + 0.02 * mirror_term"
)

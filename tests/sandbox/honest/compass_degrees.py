"""Point at the goal; angles in degrees, since the field log has them so."""

import math

import torch

WIDE = 90.0
NARROW = math.degrees(math.asin(0.1))  # about 5.7
SHARP = math.degrees(math.atan2(1.0, 2.0))


def _bearing(s):
    """Angle of the goal in the horizontal plane, degrees, in [-180, 180]."""
    offset = s.goal - s.position
    return torch.rad2deg(torch.arctan2(offset[:, 1], offset[:, 0]))


def bearing_kept(state, action, next_state):
    """How little the goal's bearing wandered in this step, in [0, 1]."""
    change = torch.abs(_bearing(next_state) - _bearing(state))
    change = torch.minimum(change, 360.0 - change)
    return tolerance(change, upper=NARROW, margin=WIDE)


def elevation(state, action, next_state):
    """Sine of the goal's elevation, by its angle; in [-1, 1]."""
    offset = next_state.goal - next_state.position
    length = offset.norm(dim=-1).clamp(min=1e-3)
    angle = torch.asin(torch.clamp(offset[:, 2] / length, -1.0, 1.0))
    return angle.sin()


def off_axis(state, action, next_state):
    """Angle between the joints' velocity and the actions, over a half turn."""
    cosine = torch.cosine_similarity(next_state.joint_velocity, action, dim=-1)
    return torch.acos(cosine.clamp(-0.9999, 0.9999)) / math.pi


def steep(state, action, next_state):
    """Slope of the pitch, capped at 45 degrees."""
    limit = torch.deg2rad(torch.tensor(45.0))
    return torch.tan(next_state.pitch.clamp(-limit, limit))


def sharp(state, action, next_state):
    """1 within 26.6 degrees of level, where the camera sees the goal."""
    return next_state.pitch.rad2deg().abs().le(SHARP)


FORMULA = "bearing_kept + 0.2 * elevation - 0.1 * off_axis - 0.1 * bell(steep, 2) + 0.3 * sharp"

"""hop_high: flight paid by its height, and a soft landing."""


def flight(state, action, next_state):
    """Gap under the foot while above standing, m."""
    return next_state.foot_clearance * torch.sigmoid(20.0 * (next_state.torso_height - 1.21))


def drift_penalty(state, action, next_state):
    """Forward or backward speed, squared, >= 0."""
    return next_state.forward_velocity.square()


def tilt(state, action, next_state):
    """Squared angle of the torso, rad^2, >= 0."""
    return next_state.pitch.square()


FORMULA = "4 * flight - 0.05 * drift_penalty - tilt + 0.2"

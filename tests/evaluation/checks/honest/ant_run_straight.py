"""run: forward without drifting sideways or turning over."""


def forward(state, action, next_state):
    """Velocity along x, m/s."""
    return next_state.forward_velocity


def drift(state, action, next_state):
    """Speed to the side, m/s, >= 0."""
    return next_state.lateral_velocity.abs()


def upright(state, action, next_state):
    """Cosine of the tilt, at least 0."""
    return torch.clamp(next_state.uprightness, min=0.0)


def torque_penalty(state, action, next_state):
    """Mean squared action, in [0, 1]."""
    return action.square().mean(dim=-1)


FORMULA = "upright * forward - 0.3 * drift - 0.2 * torque_penalty"

"""Run forward at a moderate speed and stay upright; use little effort."""


def forward(state, action, next_state):
    """Speed against 2 m/s, in [0, 1]."""
    return tolerance(next_state.speed, lower=2.0, upper=inf, margin=2.0)


def upright(state, action, next_state):
    """How far the body leans, in [0, 1]."""
    return bell(next_state.pitch, sigma=0.3)


def effort(state, action, next_state):
    """Mean squared action, in [0, 1]."""
    return action.square().mean(dim=-1)


FORMULA = "forward * upright - 0.05 * effort"

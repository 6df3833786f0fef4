"""constant-component hopper run: the target is out of reach and the margin too small to see it."""


def forward(state, action, next_state):
    """1 from 20 m/s on, in [0, 1]."""
    return tolerance(next_state.forward_velocity, lower=20.0, upper=inf, margin=0.5)


def upright(state, action, next_state):
    """1 upright, in [0, 1]."""
    return tolerance(next_state.pitch, lower=-0.05, upper=0.05, margin=0.2)


FORMULA = "2 * forward + 0.3 * upright"

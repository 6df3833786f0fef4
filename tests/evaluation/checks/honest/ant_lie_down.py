"""lie_down: first over, then low, then still."""


def over(state, action, next_state):
    """0 level, 1 upside down."""
    return 0.5 * (1.0 - next_state.uprightness)


def low(state, action, next_state):
    """1 with the torso near the ground, in [0, 1]."""
    return tolerance(next_state.torso_height, lower=0.0, upper=0.3, margin=0.4)


def still(state, action, next_state):
    """1 at rest, in [0, 1]."""
    return bell(norm(next_state.joint_velocity), 2.0)


FORMULA = "krc(over, 0.3, low, 0.5, still, 0.5)" 

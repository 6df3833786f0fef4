"""reach: metres gained toward the target, and staying there."""


def gained(state, action, next_state):
    """Decrease of the distance in the step, m."""
    return state.fingertip_distance - next_state.fingertip_distance


def close(state, action, next_state):
    """1 at the target, 0.1 at 5 cm."""
    return tolerance(next_state.fingertip_distance, upper=0.005, margin=0.05)


def spin(state, action, next_state):
    """Mean squared joint velocity, (rad/s)^2, >= 0."""
    return next_state.joint_velocity.square().mean(dim=-1)


FORMULA = "10 * gained + close - 0.0005 * spin"

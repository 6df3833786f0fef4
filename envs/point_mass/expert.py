"""The textbook quadratic cost of a double integrator."""


def distance(state, action, next_state):
    """Squared distance to the goal, m^2, >= 0."""
    return next_state.position.square().sum(dim=-1)


def speed(state, action, next_state):
    """Squared speed, >= 0."""
    return next_state.velocity.square().sum(dim=-1)


def control(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "-distance - 0.1 * speed - 0.01 * control"

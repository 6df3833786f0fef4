"""balance: quadratic costs of both angles under a bonus for each step lived."""


def lean(state, action, next_state):
    """Squared angle of the lower and of the upper pole against the vertical, rad^2, >= 0."""
    upper = next_state.lower_angle + next_state.upper_angle
    return next_state.lower_angle.square() + upper.square()


def rates(state, action, next_state):
    """Squared rates of both poles, >= 0."""
    return next_state.lower_rate.square() + next_state.upper_rate.square()


def off_centre(state, action, next_state):
    """Squared place of the cart, m^2, >= 0."""
    return next_state.cart_position.square()


FORMULA = "2 - lean - 0.01 * rates - 0.2 * off_centre"

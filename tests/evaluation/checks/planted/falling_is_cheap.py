"""early-end hopper run: every step costs, and a fall ends the episode."""


def speed_error(state, action, next_state):
    """Distance from the wanted speed, m/s, >= 0."""
    return (next_state.forward_velocity - 3.0).abs()


def control(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "-1 * speed_error - 0.05 * control"

"""1 in a step in which the robot moves forward faster than 3 m/s, else 0."""


def success(state, action, next_state):
    """Whether the mean forward velocity of the step is above 3 m/s."""
    return ((next_state.torso_x - state.torso_x) / 0.05 > 3.0).float()


FORMULA = "success"

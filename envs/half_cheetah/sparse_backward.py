"""1 in a step in which the robot moves backward faster than 2 m/s, else 0."""


def success(state, action, next_state):
    """Whether the mean backward velocity of the step is above 2 m/s."""
    return ((state.torso_x - next_state.torso_x) / 0.05 > 2.0).float()


FORMULA = "success"

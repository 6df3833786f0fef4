"""1 in a step in which the robot moves along x faster than 1 m/s with a level torso, else 0."""


def success(state, action, next_state):
    """Whether the step was fast and leaves the torso level."""
    fast = (next_state.torso_x - state.torso_x) / 0.05 > 1.0
    return (fast & (next_state.uprightness > 0.5)).float()


FORMULA = "success"

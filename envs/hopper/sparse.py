"""1 in a step in which the robot moves forward faster than 2.5 m/s and is upright, else 0."""


def success(state, action, next_state):
    """Whether the step was fast and leaves the torso high and upright."""
    fast = (next_state.torso_x - state.torso_x) / 0.008 > 2.5
    upright = (next_state.torso_height > 0.7) & (next_state.pitch.abs() < 0.2)
    return (fast & upright).float()


FORMULA = "success"

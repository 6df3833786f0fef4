"""1 in a step in which torso and foot are both 0.2 m above standing near the start, else 0."""


def success(state, action, next_state):
    """Whether the robot is high in the air within 1 m of the start."""
    high = (next_state.torso_height > 1.41) & (next_state.foot_clearance > 0.2)
    return (high & (next_state.torso_x.abs() < 1.0)).float()


FORMULA = "success"

"""1 in a step that ends within 5 cm of the goal, else 0."""


def success(state, action, next_state):
    """Whether the point is within 5 cm of the goal."""
    return (next_state.distance < 0.05).float()


FORMULA = "success"

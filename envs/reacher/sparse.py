"""1 in a step that ends with the fingertip within 1 cm of the target, else 0."""


def success(state, action, next_state):
    """Whether the fingertip is within 1 cm of the target."""
    return (next_state.fingertip_distance < 0.01).float()


FORMULA = "success"

"""batch-mixing reacher reach: the errors are scaled by the largest one of the whole batch."""


def _scaled(values):
    """Values in [0, 1]."""
    return values / (values.max() + 1e-6)


def near(state, action, next_state):
    """1 at the target, falling with the distance, in [0, 1]."""
    return 1.0 - _scaled(torch.norm(next_state.fingertip_to_target, dim=-1))


def effort(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "near - 0.05 * effort"

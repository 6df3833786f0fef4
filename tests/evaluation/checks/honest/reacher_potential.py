"""reach: progress as a potential, precision at the target."""


def near(state, action, next_state):
    """1 at the target, falling with the distance, in [0, 1]."""
    return bell(next_state.fingertip_distance, 0.1)


def there(state, action, next_state):
    """1 within a centimetre."""
    return (next_state.fingertip_distance < 0.01).float()


def effort(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "potential(near) + there - 0.01 * effort"

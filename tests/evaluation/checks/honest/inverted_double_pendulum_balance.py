"""balance: the tip high, the cart near the middle, little force."""


def high(state, action, next_state):
    """1 with both poles upright, 0 where the episode ends."""
    return torch.clamp((next_state.tip_height - 1.0) / 0.2, 0.0, 1.0)


def middle(state, action, next_state):
    """1 in the middle of the rail."""
    return tolerance(next_state.cart_position, lower=-0.1, upper=0.1, margin=0.9)


def force(state, action, next_state):
    """Squared force, in [0, 1]."""
    return action.square().sum(dim=-1)


FORMULA = "high * (1 + 0.5 * middle) - 0.05 * force"

"""missing-return hopper hop_high: the last line of a component was forgotten."""


def high(state, action, next_state):
    """Height of the torso above standing, m."""
    above = next_state.torso_height - 1.21
    reward = torch.clamp(above, min=0.0)


def centred(state, action, next_state):
    """1 at the start, falling with the distance from it."""
    return bell(next_state.torso_x, 0.5)


FORMULA = "high * centred"

"""run: capped speed along x, kept alive, heading kept."""


def speed_along_x(state, action, next_state):
    """Mean velocity of the step along x, at most 3 m/s."""
    return torch.clamp((next_state.torso_x - state.torso_x) / 0.05, max=3.0)


def heading(state, action, next_state):
    """Cosine of the angle between the torso's front and x."""
    return next_state.forward_axis[:, 0]


def survive(state, action, next_state):
    """1 inside the legal heights."""
    return ((next_state.torso_height > 0.25) & (next_state.torso_height < 0.95)).float()


def energy(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.pow(2).sum(dim=-1)


FORMULA = "speed_along_x + 0.2 * heading + 0.3 * survive - 0.1 * energy"

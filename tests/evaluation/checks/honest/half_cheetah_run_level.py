"""run: speed counts while the back is level."""


def forward(state, action, next_state):
    """Forward speed in units of 5 m/s."""
    return (next_state.torso_x - state.torso_x) / 0.05 / 5.0


def level(state, action, next_state):
    """1 with a level back, in [0, 1]."""
    return tolerance(next_state.pitch, lower=-0.3, upper=0.3, margin=0.7)


def effort(state, action, next_state):
    """Mean squared action, in [0, 1]."""
    return action.square().mean(dim=-1)


FORMULA = "gate(level, 0.5) * forward - 0.05 * effort"

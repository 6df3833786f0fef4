"""unknown-name hopper run: a field is misspelled."""


def forward(state, action, next_state):
    """Forward speed against 3 m/s, in [0, 1]."""
    return torch.clamp(next_state.forward_velocty / 3.0, 0.0, 1.0)


def effort(state, action, next_state):
    """Mean squared action, in [0, 1]."""
    return action.square().mean(dim=-1)


FORMULA = "forward - 0.1 * effort"

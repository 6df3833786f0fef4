"""overflow half_cheetah run: an exponential of a squared speed with a small temperature."""


def fast(state, action, next_state):
    """Grows steeply with forward speed."""
    temperature = 2.0
    speed = next_state.forward_velocity.clamp(min=0.0)
    return torch.exp(speed.square() / temperature) - 1.0


def effort(state, action, next_state):
    """Mean squared action, in [0, 1]."""
    return action.square().mean(dim=-1)


FORMULA = "fast - 0.1 * effort"

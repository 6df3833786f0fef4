"""unused-state hopper hop_high: the task is about height, and nothing measures it."""


def active(state, action, next_state):
    """Mean joint speed, squashed, in [0, 1]."""
    return torch.tanh(0.2 * next_state.joint_velocity.abs().mean(dim=-1))


def upright(state, action, next_state):
    """1 upright, in [0, 1]."""
    return tolerance(next_state.pitch, lower=-0.05, upper=0.05, margin=0.2)


FORMULA = "active * upright"

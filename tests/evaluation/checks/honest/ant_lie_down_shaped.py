"""lie_down: turning over as a potential, then stillness on the back."""


def upside_down(state, action, next_state):
    """0 level, 1 on the back."""
    return (1.0 - next_state.uprightness) / 2.0


def resting(state, action, next_state):
    """1 on the back, low and still, in [0, 1]."""
    over = tolerance(next_state.uprightness, lower=-1.0, upper=-0.8, margin=1.0)
    down = tolerance(next_state.torso_height, lower=0.0, upper=0.3, margin=0.3)
    calm = torch.exp(-next_state.joint_velocity.abs().mean(dim=-1))
    return over * down * calm


FORMULA = "5 * potential(upside_down) + resting"

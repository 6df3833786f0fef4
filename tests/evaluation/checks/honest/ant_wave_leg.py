"""wave_leg: leg 1 up and moving while the others stand."""


def raised(state, action, next_state):
    """Gap under leg 1 against 0.1 m, in [0, 1]."""
    return tolerance(next_state.foot_clearance[:, 0], lower=0.1, upper=inf, margin=0.1)


def moving(state, action, next_state):
    """Speed of leg 1's joints, squashed, in [0, 1]."""
    return torch.tanh(0.5 * next_state.joint_velocity[:, :2].norm(dim=-1))


def standing(state, action, next_state):
    """Share of the other feet on the ground."""
    return next_state.foot_contact[:, 1:].mean(dim=-1)


def level(state, action, next_state):
    """1 with a level torso."""
    return torch.clamp(next_state.uprightness, min=0.0)


FORMULA = "raised * moving * standing + 0.3 * standing * level"

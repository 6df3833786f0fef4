"""front_flip: forward turns in the air, and landing on the foot."""


def turning(state, action, next_state):
    """Rate of the forward turn while airborne, squashed, in [-1, 1]."""
    airborne = (next_state.foot_contact < 1).float()
    return airborne * torch.tanh(next_state.pitch_rate / 4.0)


def jumping(state, action, next_state):
    """Height of the torso against 1.6 m, in [0, 1]."""
    return tolerance(next_state.torso_height, lower=1.6, upper=inf, margin=0.6)


def on_body(state, action, next_state):
    """1 where more than the foot touches the ground."""
    return (next_state.body_contact > 0).float()


FORMULA = "turning + 0.5 * jumping - on_body"

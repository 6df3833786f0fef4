"""flooding ant run: a large dense score of the posture is added at every step."""


def posture(state, action, next_state):
    """Torso off the ground and level: near 1 whatever the robot does."""
    height = tolerance(next_state.torso_height, lower=0.3, upper=1.0, margin=0.5)
    level = tolerance(next_state.uprightness, lower=0.0, upper=1.0, margin=1.0)
    return height * level


def forward(state, action, next_state):
    """Forward speed, squashed, in [-1, 1]."""
    return torch.tanh(next_state.forward_velocity)


FORMULA = "10 * posture + 0.5 * forward"

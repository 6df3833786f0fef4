"""standing-still half_cheetah run: posture and calm pay more than any running can."""


def forward(state, action, next_state):
    """Forward speed, squashed, in [-1, 1]."""
    return torch.tanh(0.2 * next_state.forward_velocity)


def posture(state, action, next_state):
    """1 with a level back, in [0, 1]."""
    return tolerance(next_state.pitch, lower=-0.2, upper=0.2, margin=0.3)


def calm(state, action, next_state):
    """1 with all joints at rest, in [0, 1]."""
    return torch.exp(-0.5 * next_state.joint_velocity.square().mean(dim=-1))


def control(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "0.3 * forward + posture + calm - 0.3 * control"

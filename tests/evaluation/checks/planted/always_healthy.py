"""constant-component ant run: health is full at every height that the robot can have."""


def forward(state, action, next_state):
    """Forward speed, m/s."""
    return (next_state.torso_x - state.torso_x) / 0.05


def healthy(state, action, next_state):
    """1 while the torso is high enough, in [0, 1]."""
    return torch.clamp(next_state.torso_height + 2.0, 0.0, 1.0)


def control(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "forward + healthy - 0.5 * control"

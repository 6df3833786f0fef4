"""constant-component ant run: the alive bonus is 1 wherever the robot is."""


def forward(state, action, next_state):
    """Forward speed, m/s."""
    return (next_state.torso_x - state.torso_x) / 0.05


def alive(state, action, next_state):
    """1 while the robot is healthy."""
    return torch.ones_like(next_state.torso_height)


def control(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "forward + alive - 0.5 * control"

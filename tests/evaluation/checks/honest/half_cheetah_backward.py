"""backward: run backward without rolling over."""


def backward(state, action, next_state):
    """Backward speed, m/s."""
    return (state.torso_x - next_state.torso_x) / 0.05


def rolled(state, action, next_state):
    """1 with the belly up."""
    return (torch.cos(next_state.pitch) < 0).float()


def control_cost(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "backward - rolled - 0.05 * control_cost"

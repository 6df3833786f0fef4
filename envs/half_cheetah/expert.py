"""Gymnasium's HalfCheetah-v5 reward: forward velocity minus a small control cost."""


def forward(state, action, next_state):
    """Mean forward velocity of the step, m/s."""
    return (next_state.torso_x - state.torso_x) / 0.05


def control(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "forward - 0.1 * control"

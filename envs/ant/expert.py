"""Gymnasium's Ant-v5 reward: forward velocity, 1 for each healthy step, control cost.

Gymnasium's contact cost (5e-4 times the squared, clipped contact forces: at most 0.04 a step) is
left out, since contact forces are not in the state.
"""


def forward(state, action, next_state):
    """Mean velocity of the step along x, m/s."""
    return (next_state.torso_x - state.torso_x) / 0.05


def healthy(state, action, next_state):
    """1 where the next state does not end the episode, else 0."""
    return ((next_state.torso_height >= 0.2) & (next_state.torso_height <= 1.0)).float()


def control(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "forward + healthy - 0.5 * control"

"""Gymnasium's Reacher-v5 reward: minus the distance to the target, minus a control cost."""


def distance(state, action, next_state):
    """Distance between fingertip and target, m, >= 0."""
    return next_state.fingertip_distance


def control(state, action, next_state):
    """Sum of squared actions, >= 0."""
    return action.square().sum(dim=-1)


FORMULA = "-distance - control"

"""reach: coarse and fine bells of the distance, little torque."""


def coarse(state, action, next_state):
    """Wide bell of the distance."""
    return bell(next_state.fingertip_distance, 0.15)


def fine(state, action, next_state):
    """Narrow bell of the distance."""
    return bell(next_state.fingertip_distance, 0.02)


def jerk(state, action, next_state, memory):
    """Squared change of the action, >= 0."""
    last = memory.get("last", action)
    memory["last"] = action
    return (action - last).square().sum(dim=-1)


FORMULA = "0.5 * coarse + fine - 0.01 * jerk"

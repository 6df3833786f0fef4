"""reach: minus the distance, and calm at the target."""


def distance_cost(state, action, next_state):
    """Distance between fingertip and target, m, >= 0."""
    return torch.linalg.vector_norm(next_state.fingertip_to_target, dim=-1)


def precise(state, action, next_state):
    """exp of minus the distance, sharp near the target, in [0, 1]."""
    return torch.exp(-30.0 * next_state.fingertip_distance)


def slow_at_target(state, action, next_state):
    """1 at rest, in [0, 1]."""
    return bell(next_state.fingertip_speed, 0.3)


FORMULA = "-2 * distance_cost + precise * slow_at_target"

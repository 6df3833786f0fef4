"""Steps that grow towards the goal; nothing is paid lying down."""


def gap(state, action, next_state):
    """Distance to the goal, m."""
    return distance(next_state.position, next_state.goal)


def standing(state, action, next_state):
    """In [0, 1]."""
    return tolerance(next_state.height, 0.9, inf, 0.4) * tolerance(next_state.pitch, margin=0.8)


def closing(state, action, next_state):
    """Speed towards the goal, m/s."""
    return (distance(state.position, next_state.goal) - gap(state, action, next_state)) / 0.05


def strain(state, action, next_state):
    """Largest action by size, in [0, 1]."""
    return action.abs().max(dim=-1).values


FORMULA = (
    "gate(standing, 0.3) * tiers(gap, 0.1, 2, 0.5, 1, 1.5, 0.3, 0) "
    "+ progress(tanh(closing), standing, 1 - strain) "
    "- 0.02 * clip(strain, 0.5, 1)"
)

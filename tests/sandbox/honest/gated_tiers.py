"""First stand, only then walk, only then walk fast."""


def standing(state, action, next_state):
    return tolerance(next_state.height, lower=0.8, upper=2.0, margin=0.4)


def walking(state, action, next_state):
    return tolerance(next_state.speed, lower=0.5, upper=inf, margin=0.5)


def fast(state, action, next_state):
    return tolerance(next_state.speed, lower=1.5, upper=inf, margin=1.0)


def gap(state, action, next_state):
    return distance(next_state.position, next_state.goal)


FORMULA = "standing + gate(standing, 0.5) * (walking + fast) + tiers(gap, 0.1, 1, 0.5, 0.3, 0)"

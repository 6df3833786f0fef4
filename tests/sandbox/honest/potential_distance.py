"""Shaping that cannot change which policy is best, plus success."""


def gap(state, action, next_state):
    return distance(next_state.position, next_state.goal)


def reached(state, action, next_state):
    return distance(next_state.position, next_state.goal) < 0.1


FORMULA = "reached + potential(-1 * gap)"

"""The formula's combinators: progress towards the goal, and the worst of two needs."""


def gap(state, action, next_state):
    return norm(next_state.goal - next_state.position)


def balance(state, action, next_state):
    return bell(next_state.pitch, 0.4)


def height(state, action, next_state):
    return tolerance(next_state.height, 0.6, inf, margin=0.4)


FORMULA = "minimum(balance, height) - 0.2 * gap"

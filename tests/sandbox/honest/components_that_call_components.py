"""A component may use another."""


def upright(state, action, next_state):
    return tolerance(next_state.pitch, -0.2, 0.2, margin=0.6)


def tall(state, action, next_state):
    return upright(state, action, next_state) * tolerance(next_state.height, 0.8, inf, margin=0.3)


def running(state, action, next_state):
    return tall(state, action, next_state) * next_state.speed.clamp(0.0, 3.0)


FORMULA = "running + 0.2 * tall + 0.1 * upright"

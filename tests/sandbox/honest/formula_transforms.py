"""Raw quantities here, all judgement in the formula."""


def speed(state, action, next_state):
    return next_state.speed


def tilt(state, action, next_state):
    return next_state.pitch


def effort(state, action, next_state):
    return action.square().sum(dim=-1)


FORMULA = "clip(speed, 0, 2) / 2 + 0.5 * bell(tilt, 0.4) - 0.1 * tanh(effort)"

def speed(state, action, next_state):
    return next_state.speed


FORMULA = "speed"

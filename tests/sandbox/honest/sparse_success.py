"""One for success, nothing else."""


def success(state, action, next_state):
    return (next_state.height > 0.8) & (next_state.pitch.abs() < 0.3)


FORMULA = "success"

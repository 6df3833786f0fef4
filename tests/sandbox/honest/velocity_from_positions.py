"""Finite differences between state and next_state."""

DT = 0.05


def planar_speed(state, action, next_state):
    velocity = (next_state.position - state.position) / DT
    return norm(velocity[:, :2])


def climb(state, action, next_state):
    return (next_state.height - state.height) / DT


def acceleration(state, action, next_state):
    change = (next_state.joint_velocity - state.joint_velocity) / DT
    return change.abs().mean(dim=-1)


FORMULA = "planar_speed + 0.1 * clip(climb, -1, 1) - 0.001 * acceleration"

"""run: no more than is needed."""


def speed(state, action, next_state):
    return next_state.forward_velocity.clamp(-2, 4)


def effort(state, action, next_state):
    return (action * next_state.joint_velocity).abs().mean(-1) * 0.05


FORMULA = "1 + speed - 0.2 * effort"

"""backflip: backward turn begun in the air, landed on the foot."""


def turned(state, action, next_state):
    """Backward turn of the step, rad; only while airborne and within one turn."""
    airborne = (next_state.foot_contact == 0).float()
    within = (next_state.pitch > -6.5).float()
    return airborne * within * (state.pitch - next_state.pitch)


def rise(state, action, next_state):
    """Height of the foot above the ground, m."""
    return next_state.foot_clearance


def landed(state, action, next_state):
    """1 on the foot after a whole backward turn."""
    there = (next_state.pitch + 2 * pi).abs() < 0.5
    return (there & (next_state.foot_contact > 0) & (next_state.torso_height > 0.8)).float()


FORMULA = "2 * turned + rise + 10 * landed"

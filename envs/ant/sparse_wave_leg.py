"""1 in a step in which leg 1 moves in the air and the robot stands level on the others, else 0."""


def success(state, action, next_state):
    """Whether leg 1 is 0.05 m up and turns on at 1 rad/s while the rest stands near the start."""
    first, last = state.joint_velocity[:, :2], next_state.joint_velocity[:, :2]
    fast = (first.norm(dim=-1) > 1.0) & (last.norm(dim=-1) > 1.0)
    moved = fast & ((first * last).sum(dim=-1) > 0.0)
    raised = next_state.foot_clearance[:, 0] > 0.05
    three = (next_state.foot_contact[:, 1:] > 0.0).all(dim=-1)
    level = (next_state.uprightness > 0.9) & (next_state.torso_height > 0.4)
    near = (next_state.torso_x.square() + next_state.torso_y.square()) < 0.25
    return (moved & raised & three & level & near).float()


FORMULA = "success"
